// The few signs of the page, drawn as lines: always beside a word, or with a label of their own.

const PATHS = {
  mesh: "M12 3v5M12 16v5M4.500 7.500l4 2.500M15.500 14l4 2.500M19.500 7.500l-4 2.500M8.500 14l-4 2.500M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8",
  tasks:
    "M4 6.500l1.500 1.500L8.500 5M4 13l1.500 1.500 3-3M4 19.500l1.500 1.500 3-3M12 6.500h8M12 13h8M12 19.500h8",
  actors:
    "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7M3 20c0-3.500 2.500-5.500 6-5.500s6 2 6 5.500M16 4.500a3.500 3.500 0 0 1 0 6.500M17.500 15c2.200.7 3.500 2.500 3.500 5",
  workflows: "M3 5h6v5H3zM15 3.500h6v5h-6zM15 15.500h6v5h-6zM9 7.500h3M15 6h-3v12h3",
  approvals:
    "M12 3l7.500 3v5.500c0 4.500-3 7.700-7.500 9.500-4.500-1.800-7.500-5-7.500-9.500V6zM8.500 12l2.500 2.500 4.500-5",
  charts: "M4 4h6v5H4zM14 4h6v5h-6zM9 15h6v5H9zM7 9v3.500h5V15M17 9v3.500h-5",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8M12 2v2.500M12 19.500V22M2 12h2.500M19.500 12H22M5 5l1.700 1.700M17.300 17.300L19 19M19 5l-1.700 1.700M6.700 17.300L5 19",
  moon: "M20 14.500A8.500 8.500 0 1 1 9.500 4a7 7 0 0 0 10.500 10.500",
  back: "M15 5l-7 7 7 7",
  on: "M9 5l7 7-7 7",
  play: "M7 4.500l12 7.500-12 7.500z",
  pause: "M8 5v14M16 5v14",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.500l4.500 4.500L19 7",
  search: "M10.500 4a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13M15.500 15.500L20 20",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  keys: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
} as const;

export type IconName = keyof typeof PATHS;

/** A sign; screen readers pass it over. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

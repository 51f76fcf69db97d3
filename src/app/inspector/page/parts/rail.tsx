// The way between the sections: a rail on the left, or tabs at the bottom where the window is narrow.
import { showsKeys } from "../keys.ts";
import { approvals, mesh } from "../live.ts";
import { useObservable } from "../observable.ts";
import { hrefOf, SECTIONS, type Route, type Section } from "../route.ts";
import { theme, turnTheme } from "../theme.ts";
import { Icon } from "./icon.tsx";

const NAMES: Readonly<Record<Section, string>> = {
  mesh: "Mesh",
  tasks: "Tasks",
  actors: "Actors",
  workflows: "Workflows",
  approvals: "Approvals",
  charts: "Charts",
};

/** The rail. */
export function Rail({ place }: { readonly place: Route }) {
  const seen = useObservable(mesh);
  const waiting = useObservable(approvals).length;
  return (
    <header class="rail">
      <a class="brand" href={hrefOf("mesh")}>
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M11 25V10.500C11 8 12.600 6.500 15 6.500h6.500M11 15.500h8.500" />
          <circle cx="21.500" cy="23" r="3.200" />
        </svg>
        <span>
          <strong>Fettle</strong>
          <small>{seen === null ? "inspector" : seen.name}</small>
        </span>
      </a>
      <nav aria-label="Sections">
        <ul>
          {SECTIONS.map((section) => (
            <li key={section}>
              <a href={hrefOf(section)} aria-current={place.section === section ? "page" : undefined}>
                <Icon name={section} />
                <span class="nav-name">{NAMES[section]}</span>
                {section === "approvals" && waiting > 0 ? (
                  <span class="badge">
                    {waiting}
                    <span class="sr"> waiting</span>
                  </span>
                ) : null}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="rail-foot">
        <ThemeButton />
        <button type="button" class="plain keys-button" onClick={() => showsKeys.set(true)} aria-label="Keys">
          <Icon name="keys" />
        </button>
        <small>{seen === null ? "" : `v${seen.version}`}</small>
      </div>
      <p class="sr" role="status">
        {waiting === 0
          ? ""
          : `${waiting} ${waiting === 1 ? "approval waits" : "approvals wait"} for an answer.`}
      </p>
    </header>
  );
}

function ThemeButton() {
  const now = useObservable(theme);
  const other = now === "dark" ? "light" : "dark";
  return (
    <button type="button" class="plain" onClick={turnTheme} aria-label={`Show the page ${other}`}>
      <Icon name={now === "dark" ? "sun" : "moon"} />
    </button>
  );
}

// The search field and the choices above a list; they are part of the address, so that a link shows the same.
import { useEffect, useRef, useState } from "preact/hooks";
import { narrow, type Route } from "../route.ts";
import { stateWords } from "../words.ts";
import { Icon } from "./icon.tsx";

/** One choice among several. */
export interface Choice {
  readonly name: string;
  readonly label: string;
  readonly options: readonly string[];
}

const TYPING_MS = 200;

/** The search and the choices. */
export function Filters(props: {
  readonly place: Route;
  readonly placeholder: string;
  readonly choices: readonly Choice[];
  readonly said: string;
}) {
  const { place, placeholder, choices, said } = props;
  const [text, setText] = useState(place.filter["query"] ?? "");
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => setText(place.filter["query"] ?? ""), [place.filter["query"]]);
  const set = (name: string, value: string) => narrow({ ...place.filter, [name]: value });
  return (
    <div class="filters" role="search">
      <label class="search">
        <Icon name="search" />
        <span class="sr">{placeholder}</span>
        <input
          type="search"
          data-search
          placeholder={placeholder}
          value={text}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => {
            const value = event.currentTarget.value;
            setText(value);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => set("query", value), TYPING_MS);
          }}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
      {choices.map(({ name, label, options }) => {
        const chosen = place.filter[name] ?? "";
        const all = chosen === "" || options.includes(chosen) ? options : [chosen, ...options];
        return (
          <select
            key={name}
            aria-label={label}
            value={chosen}
            onChange={(event) => set(name, event.currentTarget.value)}
          >
            <option value="">{label}: all</option>
            {all.map((option) => (
              <option key={option} value={option}>
                {stateWords(option)}
              </option>
            ))}
          </select>
        );
      })}
      <span class="quiet said" role="status">
        {said}
      </span>
    </div>
  );
}

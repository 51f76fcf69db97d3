// States as people see them: a coloured mark with its word, and bars of many.
// Invariant: a colour never says anything alone; the word is beside it, or in the label.
import { hueOf, plural, stateWords } from "../words.ts";

/** A state with its colour. */
export function StateMark({ state }: { readonly state: string }) {
  return (
    <span class={`mark ${hueOf(state)}`}>
      <span class="dot" aria-hidden="true" />
      {stateWords(state)}
    </span>
  );
}

/** A part of a bar; nothing where there are none. */
export function Share({ number, hue }: { readonly number: number; readonly hue: string }) {
  return number === 0 ? null : <span class={hue} style={{ flexGrow: number }} />;
}

/** How many are in each state, as a bar and its legend. */
export function StateBar({
  states,
  noun,
}: {
  readonly states: Readonly<Record<string, number>>;
  readonly noun: string;
}) {
  const all = Object.entries(states).filter(([, number]) => number > 0);
  const words = all.map(([state, number]) => `${number} ${stateWords(state)}`).join(", ");
  const sum = all.reduce((before, [, number]) => before + number, 0);
  return (
    <div class="state-bar">
      <div class="bar" role="img" aria-label={`${plural(sum, noun)}: ${words === "" ? "none" : words}`}>
        {all.map(([state, number]) => (
          <Share key={state} number={number} hue={hueOf(state)} />
        ))}
      </div>
      <div class="legend" aria-hidden="true">
        {all.length === 0 ? <span class="quiet">no {noun}s</span> : null}
        {all.map(([state, number]) => (
          <span key={state} class={`mark ${hueOf(state)}`}>
            <span class="dot" />
            {number} {stateWords(state)}
          </span>
        ))}
      </div>
    </div>
  );
}

// A chart with the place of everything in it: what the layout gives, and what an SVG or a page draws.
// Invariant: it is JSON; all places are pixels from the upper left corner of the drawing.
import type { LabelLine } from "./edge-label.ts";
import type { ChartGraph } from "./graph.ts";
import type { PlacedText } from "./placed-text.ts";

/** A place. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A rectangle, by its upper left corner. */
export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

/** A chart that is laid out. */
export interface PlacedChart {
  readonly graph: ChartGraph;
  readonly width: number;
  readonly height: number;
  /** In the order of the graph: inner states come after those around them, and are drawn over them. */
  readonly states: readonly PlacedState[];
  readonly edges: readonly PlacedEdge[];
  /** The dots from which initial arrows start. */
  readonly initials: readonly PlacedInitial[];
}

/** The box of a state. */
export interface PlacedState extends Box {
  /** The id of the state in the graph. */
  readonly id: string;
  /** How many states are around it. */
  readonly depth: number;
  readonly texts: readonly PlacedText[];
  /** Where the line under its name is drawn; null where there is none. */
  readonly rule: number | null;
  /** The height of what stands above its inner states; null where it has none. */
  readonly headHeight: number | null;
}

/** An arrow, of all transitions that have source and target in common. */
export interface PlacedEdge {
  /** The ids of its transitions. */
  readonly transitions: readonly string[];
  readonly source: string;
  readonly target: string;
  /** Where it begins, bends and ends; each stretch is level or upright. */
  readonly points: readonly Point[];
  readonly label: PlacedLabel | null;
}

/** A label on its arrow. */
export interface PlacedLabel extends Box {
  readonly lines: readonly LabelLine[];
}

/** An initial dot, by its middle, and the arrow from it to the initial state. */
export interface PlacedInitial extends Point {
  /** The id of the state that it stands in. */
  readonly state: string;
  readonly radius: number;
  readonly points: readonly Point[];
}

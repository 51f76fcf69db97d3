// The same as main.ts, with a research node killed half way: another takes over what it had, from its journal.
import { showNetwork } from "./network.ts";

await showNetwork({ kill: true });

// A mesh of four processes over NATS: three research nodes and a synthesizer do a workflow together. kill.ts is the same
// with one node killed half way. A nats-server is started where none runs, and ended again.
import { showNetwork } from "./network.ts";

await showNetwork({ kill: false });

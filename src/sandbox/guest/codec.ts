// The guest's half of the codec: the host's own code, bundled into the guest's bootstrap and evaluated before any
// guest code, so that both sides speak one format and the built-ins it holds are the true ones.
// Invariant: neither function throws, whatever the guest has done to its world since; a failure is a value.
export { decodeTrusted as decodeFromHost } from "../../core/codec-decode.ts";
export { encodeValue as encodeForHost } from "../../core/codec-encode.ts";
export {
  MAX_DEPTH,
  type CodecFailure,
  type CodecLimits,
  type CodecOutcome,
} from "../../core/codec-format.ts";

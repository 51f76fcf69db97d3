// What a mesh stands on, as its options and settings choose: the embedded fabric, one over NATS, or the caller's own.
// Invariant: an option goes before the setting of the same meaning; what the caller passed in is the caller's to close.
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Blobs, Fabric } from "../core/ports.ts";
import type { Telemetry } from "../core/telemetry.ts";
import type { Wire } from "../core/wire.ts";
import { FileBlobs } from "../fabric/embedded/blobs.ts";
import { createEmbeddedFabric } from "../fabric/embedded/fabric.ts";
import type { NatsFabric } from "../fabric/nats/fabric.ts";
import { openBlobs } from "./blobs.ts";
import type { Config, MeshMode } from "./config.ts";
import { openNats } from "./nats.ts";

/** What decides on a fabric. */
export interface FabricChoice {
  readonly options: {
    readonly mode?: MeshMode | undefined;
    readonly fabric?: Fabric | undefined;
    readonly logDirectory?: string | undefined;
    readonly dataDirectory?: string | undefined;
  };
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** What this process is called. */
  readonly node: string;
  /** The mesh's name. */
  readonly name: string;
}

/** A fabric that was chosen. */
export interface OpenFabric {
  readonly fabric: Fabric;
  /** Null where no other programs can come in. */
  readonly wire: Wire | null;
  readonly isDistributed: boolean;
  /** Closes what was opened. */
  readonly close: () => Promise<void>;
}

/** Opens the fabric that was chosen. @throws ConfigError, StorageError */
export async function openFabric(choice: FabricChoice): Promise<OpenFabric> {
  const { options, config, clock, log, telemetry, node, name } = choice;
  if (options.fabric !== undefined) {
    const { fabric, mode } = options;
    const { wire = null } = fabric as Partial<NatsFabric>;
    return { fabric, wire, isDistributed: mode === "distributed", close: async () => undefined };
  }
  const cloud = options.logDirectory === undefined ? await openBlobs(config.blobs) : undefined;
  if ((options.mode ?? config.mode) === "distributed") {
    const blobs = cloud ?? filesOf(choice);
    const fabric = await openNats(config.nats, {
      mesh: name,
      name: `fettle ${node}`,
      log,
      clock,
      blobs,
      telemetry,
    });
    const close = async () => {
      await fabric.close();
      await cloud?.close();
    };
    return { fabric, wire: fabric.wire, isDistributed: true, close };
  }
  const fabric = createEmbeddedFabric({
    dataDirectory: options.dataDirectory ?? config.dataDirectory,
    blobDirectory: options.logDirectory ?? config.logDirectory,
    blobs: cloud,
    onHandlerError: (error, subject) => log.error({ err: error, subject }, "a message handler failed"),
    clock,
  });
  const close = async () => {
    await fabric.close();
    await cloud?.close();
  };
  return { fabric, wire: null, isDistributed: false, close };
}

/** The folder of blobs of a node, where one was asked for: else they are kept where all nodes find them. */
function filesOf({ options, config }: FabricChoice): Blobs | undefined {
  if (options.logDirectory !== undefined) return new FileBlobs(options.logDirectory);
  const { blobs } = config;
  return blobs.store === "files" && blobs.isChosen ? new FileBlobs(config.logDirectory) : undefined;
}

// What fragments in the documentation take as given; put before each of them when its types are checked.
import type { LocalSandbox } from "fettle/sandbox";
import type { AgentDefinition, Memory, Mesh, Model } from "fettle";

export * from "fettle";
// Of the two, that of a mesh.
export type { ExecuteOptions } from "fettle";
export * from "fettle/sandbox";
export * from "fettle/testing";
export { z } from "zod";
export declare const mesh: Mesh;
export declare const model: Model;
export declare const memory: Memory;
export declare const sandbox: LocalSandbox;
export declare const agent: AgentDefinition;
export declare const code: string;

// What fragments in the documentation take as given; put before each of them when its types are checked.
import type { TracerProvider } from "@opentelemetry/api";
import type { Hono } from "hono";
import type { LocalSandbox } from "fettle/sandbox";
import type { AgentDefinition, Memory, Mesh, Model, Tool } from "fettle";

export * from "fettle";
// Of the two, that of a mesh.
export type { ExecuteOptions } from "fettle";
export * from "fettle/http";
export * from "fettle/sandbox";
export * from "fettle/testing";
export { z } from "zod";
export declare const mesh: Mesh;
export declare const model: Model;
export declare const memory: Memory;
export declare const sandbox: LocalSandbox;
export declare const agent: AgentDefinition;
export declare const code: string;
export declare const calculator: AgentDefinition<"calculator", number>;
export declare const search: Tool;
export declare const app: Hono;
export declare const tracerProvider: TracerProvider;

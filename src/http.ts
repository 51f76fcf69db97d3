// The HTTP service of a mesh, as programs import it from "fettle/http".
export { createHttpApp, type HttpAppOptions } from "./app/http/app.ts";
export type { BaseAppOptions, HttpEnv } from "./app/http/base.ts";
export {
  httpPlace,
  openHttpServer,
  type FetchHandler,
  type HttpPlace,
  type HttpServer,
  type SettingsOf,
  type Upgrade,
} from "./app/http/server.ts";
export type { ProblemCode, RequestProblemCode } from "./app/http/problem.ts";

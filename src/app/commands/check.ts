// `fettle check`: is everything there that agents need? Each finding is shown as soon as it is known.
import { Command } from "commander";
import { checkBlobs } from "../check/blobs.ts";
import { checkFolder } from "../check/folders.ts";
import { describeFinding, type Finding } from "../check/finding.ts";
import { checkDependencies, checkPackage, checkRuntime } from "../check/installation.ts";
import { checkNats } from "../check/nats.ts";
import { checkProviders } from "../check/providers.ts";
import { checkSandbox } from "../check/sandbox.ts";
import { checkSettings } from "../check/settings.ts";
import { createSandbox } from "../../sandbox/sandbox.ts";
import { paint, print, printJson } from "../output.ts";
import { openLoneSandbox } from "../sandbox.ts";

interface CheckOptions {
  readonly validateLlm?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ fettle check                  is everything there? (asks no model, costs nothing)
  $ fettle check --validate-llm   does each configured provider really answer?
  $ fettle check --json           the same as { "ok": …, "checks": [{ "name", "status", "detail" }] }

Exits with 0 where nothing failed, else with 1. Warnings do not fail.`;

/** The command. */
export function checkCommand(): Command {
  return new Command("check")
    .description("check runtime, package, settings, providers, sandbox, NATS and folders")
    .option("--validate-llm", "ask each configured provider for one word (costs a few tokens)")
    .option("--json", "print the findings as one JSON document")
    .addHelpText("after", EXAMPLES)
    .action(check);
}

async function check(options: CheckOptions): Promise<void> {
  const json = options.json === true;
  const checks: Finding[] = [];
  for await (const finding of findings(options.validateLlm === true)) {
    checks.push(finding);
    if (!json) print(describeFinding(finding, paint));
  }
  const ok = checks.every(({ status }) => status !== "failed");
  if (json) printJson({ ok, checks });
  else print(conclude(checks));
  if (!ok) process.exitCode = 1;
}

function conclude(checks: readonly Finding[]): string {
  const [failed, warnings] = (["failed", "warning"] as const).map(
    (status) => checks.filter((one) => one.status === status).length,
  );
  if (failed !== 0) return `${failed} of ${checks.length} checks failed.`;
  return warnings === 0 ? "Ready." : `Ready, with ${warnings} warning${warnings === 1 ? "" : "s"}.`;
}

async function* findings(validate: boolean): AsyncGenerator<Finding> {
  yield checkRuntime();
  yield checkPackage();
  yield await checkDependencies();
  const { findings: settings, config } = checkSettings();
  yield* settings;
  if (config === null) {
    yield await checkSandbox("in a thread", async () => createSandbox({ isolates: 1 }));
    return;
  }
  yield* await checkProviders(config, { validate });
  const { mode, isolation } = config.sandbox;
  const place = mode === "remote" ? "on a sandbox node" : `in a ${isolation}`;
  yield await checkSandbox(place, () => openLoneSandbox(config));
  if (config.mode === "distributed") yield await checkNats(config);
  yield await checkBlobs(config);
  yield await checkFolder("Data directory", { path: config.dataDirectory, setting: "FETTLE_DATA_DIRECTORY" });
}

// Checks the settings: whether there is a `.env`, and every problem in it and in the environment with its line.
import { FettleError } from "../../core/errors.ts";
import { inspectEnvFile, loadConfig, type Config } from "../config.ts";
import { findingsOf, type Finding } from "./finding.ts";

/** What the settings are; `config` is null where they are wrong. */
export function checkSettings(): { readonly findings: readonly Finding[]; readonly config: Config | null } {
  const file = checkEnvFile();
  const { ok, failed } = findingsOf("Settings");
  try {
    const config = loadConfig();
    return { findings: [file, ok("all valid")], config };
  } catch (thrown) {
    if (!(thrown instanceof FettleError)) throw thrown;
    return { findings: [file, failed(thrown.message)], config: null };
  }
}

function checkEnvFile(): Finding {
  const { ok, absent, warning, failed } = findingsOf(".env");
  try {
    const file = inspectEnvFile();
    if (file === null)
      return absent("not found (settings come from the environment alone; .env.example lists them all)");
    if (file.lookalikes.length > 0) return warning(file.lookalikes.join("\n"));
    return ok(`${file.settings} ${file.settings === 1 ? "setting" : "settings"}`);
  } catch (thrown) {
    if (thrown instanceof FettleError) return failed(thrown.message);
    throw thrown;
  }
}

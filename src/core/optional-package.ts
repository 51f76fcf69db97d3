// Packages that only who needs them installs: loaded where they are first used, and never silently missed.
import { ConfigError, messageOf } from "./errors.ts";

/**
 * Loads a package that the user installs himself. `install` is what npm is asked for, as in `name@12`.
 *
 * @throws ConfigError that says how to install it.
 */
export async function loadPackage<T>(use: string, install: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const [reason] = messageOf(error).split("\n", 1);
    throw new ConfigError(
      `Cannot ${use}: it needs packages that cannot be loaded (${reason ?? ""}). Run: npm install ${install}`,
      { cause: error },
    );
  }
}

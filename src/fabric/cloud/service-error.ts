// Failures of a cloud's service in words that help: which blob, which service, what it said, and what to do about it.
// Invariant: what is shown is the first line of what the service said, without secrets; the library's own error is
// never passed on, as it holds the request with its headers.
import { StorageError } from "../../core/errors.ts";
import { redact } from "../../core/secret.ts";

/** A service as errors speak of it. */
export interface Service {
  /** As in `S3 bucket "results" in eu-central-1`. */
  readonly place: string;
  /** How to mend a refusal of who we are, or of what we may do. */
  readonly access: string;
  /** How to mend that there is no such bucket or container. */
  readonly absent: string;
  /** How to mend that it cannot be reached. */
  readonly network: string;
  readonly secrets: readonly string[];
}

/** What a service's library told about a failure. */
export interface Failure {
  readonly message: string;
  /** The service's or the system's name for it, as `NoSuchBucket` or `ECONNREFUSED`. */
  readonly code?: string | undefined;
  /** Where there was an answer. */
  readonly status?: number | undefined;
}

const NO_PLACE = new Set(["NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"]);
const REPLACED = new Set(["InvalidBlockList", "NoSuchUpload"]);
const CLOCK = new Set(["RequestTimeTooSkewed"]);
const NO_CREDENTIALS = new Set(["CredentialsProviderError", "TokenProviderError"]);

/** A StorageError that names what was attempted, the service, the failure and its remedy. */
export function serviceError(attempt: string, service: Service, failure: Failure): StorageError {
  const { code, status } = failure;
  const said = firstLine(failure.message) || code || "it failed without a reason";
  const facts = [said.includes(code ?? said) ? undefined : code, status].filter((fact) => fact !== undefined);
  const reason = redact(said + (facts.length === 0 ? "" : ` (${facts.join(", ")})`), service.secrets);
  const { remedy, retryable } = verdictOf(failure, service);
  return new StorageError("STORAGE_FAILED", `Cannot ${attempt} in ${service.place}: ${reason}. ${remedy}`, {
    retryable,
    cause: Object.assign(new Error(reason), { code, status }),
  });
}

function verdictOf(
  { code = "", status }: Failure,
  service: Service,
): { readonly remedy: string; readonly retryable: boolean } {
  if (NO_PLACE.has(code)) return { remedy: service.absent, retryable: false };
  if (CLOCK.has(code)) return { remedy: "Set this machine's clock: the service's differs.", retryable: true };
  if (REPLACED.has(code)) {
    return { remedy: "Another writer replaced the blob meanwhile: write it again.", retryable: true };
  }
  if (status === 401 || status === 403 || NO_CREDENTIALS.has(code)) {
    return { remedy: service.access, retryable: false };
  }
  if (status === undefined) return { remedy: service.network, retryable: true };
  if (status === 429 || status === 408 || status >= 500) {
    return { remedy: "The service is busy or down: try again.", retryable: true };
  }
  return { remedy: "See the service's documentation for this error.", retryable: false };
}

function firstLine(text: string): string {
  return (text.split(/[\r\n]/, 1)[0] ?? "").trim().replace(/\.$/, "");
}

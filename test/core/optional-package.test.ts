// Packages that only some users install.
import { expect, it } from "vitest";
import { loadPackage } from "#src/core/optional-package";

it("says how to install a package that is missing, and for what", async () => {
  const absent = "fettle-package-that-nobody-installs";
  const loading = loadPackage("store blobs on Mars", "mars@1", () => import(absent));
  await expect(loading).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/Cannot store blobs on Mars.*Run: npm install mars@1/) as string,
  });
});

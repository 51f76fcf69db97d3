// Lint rules. Formatting is Prettier's; the floors (who may import whom) are test/architecture's.
import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "coverage/", "logs/", "node_modules/", "bench/results/"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { project: "./tsconfig.test.json", tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      "@typescript-eslint/require-await": "off",
      // The edges check what types cannot promise: callers in plain JavaScript.
      "@typescript-eslint/no-unnecessary-condition": "off",
      // A subclass may narrow its parameters only.
      "@typescript-eslint/no-useless-constructor": "off",
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "No default exports: name what a file gives." },
        { selector: "TSEnumDeclaration", message: "No enums: use a union of literals." },
      ],
    },
  },
  {
    files: ["src/**/*.ts", "actors/**/*.ts", "machines/**/*.ts"],
    ignores: ["src/app/**"],
    rules: {
      "no-restricted-properties": [
        "error",
        { object: "process", property: "env", message: "Only src/app reads the environment." },
      ],
      "no-console": "error",
    },
  },
  {
    // Code that runs beside a guest's own: whatever asks a prototype asks the guest.
    files: ["src/sandbox/guest/**/*.ts", "src/core/codec-*.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector: "TemplateLiteral[expressions.length>0]",
          message:
            "The engine calls String.prototype.concat for templates, and a guest may replace it: join with +.",
        },
        {
          selector: ":matches(ArrayExpression, CallExpression, NewExpression) > SpreadElement",
          message: "Spreading asks Symbol.iterator, which a guest may replace.",
        },
        { selector: "ForOfStatement", message: "for-of asks Symbol.iterator, which a guest may replace." },
        {
          selector: "ArrayPattern",
          message: "Destructuring asks Symbol.iterator, which a guest may replace.",
        },
      ],
    },
  },
  {
    // The inspector's page runs in a browser: types of its own.
    files: ["src/app/inspector/page/**/*.{ts,tsx}"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: "./src/app/inspector/page/tsconfig.json",
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unnecessary-condition": "off",
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "No default exports: name what a file gives." },
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "What agents, guests and models say is text.",
        },
        { selector: "MemberExpression[property.name=/^(inner|outer)HTML$/]", message: "Text only: no HTML." },
      ],
    },
  },
  { files: ["vitest.config.ts"], rules: { "no-restricted-syntax": "off" } },
  {
    files: ["**/*.mjs", "bin/*.js"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        WebAssembly: "readonly",
        performance: "readonly",
        setTimeout: "readonly",
        clearTimeout: "readonly",
        setInterval: "readonly",
        clearInterval: "readonly",
      },
    },
    rules: { "no-restricted-syntax": "off" },
  },
);

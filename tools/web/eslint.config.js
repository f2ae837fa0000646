import js from "@eslint/js";

const browser = [
  ..."AbortController Blob CompressionStream DataView FormData Image ImageData".split(" "),
  ..."HTMLInputElement HTMLTextAreaElement KeyboardEvent ResizeObserver Response".split(" "),
  ..."TextEncoder URL URLSearchParams atob btoa cancelAnimationFrame console".split(" "),
  ..."createImageBitmap document fetch queueMicrotask requestAnimationFrame window".split(" "),
];

export default [
  js.configs.recommended,
  {
    languageOptions: { globals: Object.fromEntries(browser.map((name) => [name, "readonly"])) },
    rules: {
      "max-lines": ["error", 300],
      "max-lines-per-function": ["error", { max: 70 }],
      "max-params": ["error", 7],
      "no-console": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      eqeqeq: "error",
      "prefer-const": "error",
    },
  },
];

import assert from "node:assert/strict";
import { test } from "node:test";

import { tellTracker } from "../../web/canvas/comfy/hooks.js";

/** @param {object | null} changeTracker */
const opened = (changeTracker) => ({
  extensionManager: { workflow: { activeWorkflow: changeTracker && { changeTracker } } },
});

for (const name of ["captureCanvasState", "checkState"]) {
  test(`the change tracker looks at once, by ${name}`, () => {
    let looks = 0;
    tellTracker(opened({ [name]: () => (looks += 1) }));
    assert.equal(looks, 1);
  });
}

test("where no workflow is open, nobody is told", () => {
  tellTracker(opened(null));
  tellTracker({});
});

/** What is done to objects of the front end that others use too. */

/**
 * Do something more after a method of an object.
 *
 * @param {any} target
 * @param {string} name
 * @param {(...given: any[]) => void} after
 */
export function chain(target, name, after) {
  const before = target[name];
  target[name] = function (/** @type {any[]} */ ...given) {
    const result = before?.apply(this, given);
    after(...given);
    return result;
  };
}

/** @param {any} app whose change tracker looks at the graph */
export function tellTracker(app) {
  const tracker = app.extensionManager?.workflow?.activeWorkflow?.changeTracker;
  if (tracker?.captureCanvasState) tracker.captureCanvasState();
  else tracker?.checkState?.(); // its name in ComfyUI 0.18's front end
}

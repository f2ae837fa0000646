/** Colours of the pack's own wires: the front end draws all types that it does not know alike. */

/** By the type of a socket. */
export const WIRES = {
  INSTANCE_EDIT_REGIONS: "#2fb5a5",
  INSTANCE_EDIT_BIAS: "#c8643c",
  INSTANCE_EDIT_TURN: "#6a78e0",
};

/**
 * Colour wires and sockets, in the classic renderer and with Nodes 2.0; a change of the palette
 * takes the colours away, until a workflow is opened.
 *
 * @param {any} app
 */
export function colourWires(app) {
  const canvas = app.canvas;
  if (!canvas) return;
  Object.assign(canvas.default_connection_color_byType, WIRES);
  Object.assign(canvas.constructor.link_type_colors, WIRES);
  for (const [type, colour] of Object.entries(WIRES))
    document.documentElement.style.setProperty(`--color-datatype-${type}`, colour);
}

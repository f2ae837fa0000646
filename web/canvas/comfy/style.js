/** The style sheet, once per page. */

const ID = "instance-edit-canvas-style";

export function addStyle() {
  if (document.getElementById(ID)) return;
  const link = document.createElement("link");
  link.id = ID;
  link.rel = "stylesheet";
  link.href = new URL("../canvas.css", import.meta.url).href;
  document.head.append(link);
}

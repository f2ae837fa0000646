/** The pack's part in ComfyUI's front end: the Instance Canvas. */

import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { canvasExtension } from "./canvas/comfy/extension.js";

app.registerExtension(canvasExtension(app, api));

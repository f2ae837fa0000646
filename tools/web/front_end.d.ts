/** What the front end serves beside the packs' files, and loads under the same addresses. */
declare module "*/scripts/app.js" {
  export const app: any;
}
declare module "*/scripts/api.js" {
  export const api: any;
}

import { join } from "node:path";
import express, { type RequestHandler } from "express";
import { makePathFilter } from "./glob.ts";
import type { Manifest } from "./manifest.ts";

/** Serves the files of the manifest's `assets`, below `root`; what is not there is left to the next handler. */
export const serveAssets = (root: string, assets: NonNullable<Manifest["assets"]>): RequestHandler => {
  const serve = express.static(join(root, assets.location), {
    index: assets.default_page,
    redirect: false,
    dotfiles: "ignore",
  });
  const isWanted = makePathFilter(assets.include, assets.exclude);
  return (request, response, next) => {
    const path = request.path.slice(1);
    if (path === "" || isWanted(path)) serve(request, response, next);
    else next();
  };
};

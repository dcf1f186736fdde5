import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type ApiError, get, type Query } from "../api/client.ts";
import type { Page } from "../api/types.ts";
import { toApiError } from "./resource.ts";

type LoadedPage<Item> = {
  readonly cursor: string | undefined;
  readonly items: readonly Item[];
  readonly next: string | null;
};

/** A list of the server, read page by page as it is scrolled through. */
export type PagedList<Item> = {
  readonly items: readonly Item[];
  readonly isComplete: boolean;
  readonly isLoaded: boolean;
  readonly error: ApiError | undefined;
  readonly loadMore: () => void;
  /** Reads the pages again that hold the rows from `first` to `last`. */
  readonly refresh: (first?: number, last?: number) => void;
};

/** Reads `path` with `query`; `keyOf` tells rows apart, so that one which moved between pages shows once. */
export function usePagedList<Item>(
  path: string,
  query: Query,
  keyOf: (item: Item) => string,
  pageSize = 100,
): PagedList<Item> {
  const pages = useSignal<readonly LoadedPage<Item>[]>([]);
  const error = useSignal<ApiError | undefined>(undefined);
  const reading = useRef<AbortController | undefined>(undefined);
  const isBusy = useRef(false);
  const key = JSON.stringify([path, query]);

  const read = async (cursors: readonly (string | undefined)[]) => {
    const stop = reading.current;
    if (stop === undefined || isBusy.current) return;
    isBusy.current = true;
    try {
      for (const cursor of cursors) {
        const page = await get<Page<Item>>(path, { ...query, limit: pageSize, cursor }, stop.signal);
        if (stop.signal.aborted) return;
        pages.value = withPage(pages.value, { cursor, ...page });
      }
      error.value = undefined;
    } catch (caught) {
      if (!stop.signal.aborted) error.value = toApiError(caught);
    } finally {
      if (!stop.signal.aborted) isBusy.current = false;
    }
  };

  // The key holds path and query; refs and signals never change.
  useEffect(() => {
    const stop = new AbortController();
    reading.current = stop;
    isBusy.current = false;
    pages.value = [];
    error.value = undefined;
    void read([undefined]);
    return () => stop.abort();
  }, [key]);

  return {
    items: distinct(pages, keyOf),
    isComplete: pages.value.at(-1)?.next === null,
    isLoaded: pages.value.length > 0,
    error: error.value,
    loadMore: () => {
      const next = pages.value.at(-1)?.next;
      if (typeof next === "string") void read([next]);
    },
    refresh: (first = 0, last = pageSize) => {
      const wanted = pages.value.slice(Math.floor(first / pageSize), Math.floor(last / pageSize) + 1);
      void read(wanted.length === 0 ? [undefined] : wanted.map(({ cursor }) => cursor));
    },
  };
}

/** A page read again takes its old place; where it now ends elsewhere, what follows is read anew. */
function withPage<Item>(
  pages: readonly LoadedPage<Item>[],
  page: LoadedPage<Item>,
): readonly LoadedPage<Item>[] {
  const at = pages.findIndex(({ cursor }) => cursor === page.cursor);
  if (at === -1) return [...pages, page];
  const following = pages.slice(at + 1);
  return [...pages.slice(0, at), page, ...(following[0]?.cursor === page.next ? following : [])];
}

function distinct<Item>(
  pages: Signal<readonly LoadedPage<Item>[]>,
  keyOf: (item: Item) => string,
): readonly Item[] {
  const byKey = new Map<string, Item>();
  for (const { items } of pages.value) for (const item of items) byKey.set(keyOf(item), item);
  return [...byKey.values()];
}

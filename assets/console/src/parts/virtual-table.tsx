import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from "@tanstack/virtual-core";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useReducer, useRef } from "preact/hooks";
import { isNarrow } from "../state/screen.ts";

/** One column: its heading, and what stands in a row of it. */
export type Column<Item> = {
  readonly name: string;
  readonly class?: string;
  readonly cell: (item: Item) => ComponentChildren;
};

type Props<Item> = {
  readonly label: string;
  readonly class: string;
  readonly columns: readonly Column<Item>[];
  readonly items: readonly Item[];
  readonly keyOf: (item: Item) => string;
  /** How many there are, read or not; -1 if nobody knows. */
  readonly total: number;
  /** The last rows come into view: more are wanted. */
  readonly onEnd: () => void;
  /** The rows in view, by index. */
  readonly onView?: (first: number, last: number) => void;
};

/** A table of which only the rows in view exist, whatever it holds. */
export function VirtualTable<Item>(props: Props<Item>) {
  const { label, columns, items, keyOf, total, onEnd, onView } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer(items.length, isNarrow.value ? 76 : 38, scroller);
  const rows = virtualizer.getVirtualItems();
  const last = rows.at(-1)?.index ?? 0;
  const first = rows[0]?.index ?? 0;
  // What is in view and how much is there decide.
  useEffect(() => {
    if (items.length > 0 && last >= items.length - 20) onEnd();
    onView?.(first, last);
  }, [first, last, items.length]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section class={`vtable ${props.class}`} ref={scroller} tabIndex={0} aria-label={label}>
      <div role="table" aria-label={label} aria-rowcount={total < 0 ? -1 : total + 1}>
        <div role="rowgroup" class="vtable-head">
          <div role="row" class="vtable-row" aria-rowindex={1}>
            {columns.map((column) => (
              <span role="columnheader" key={column.name} class={column.class}>
                {column.name}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" class="vtable-body" style={{ height: `${virtualizer.getTotalSize()}px` }}>
          {rows.map(({ index, start, size }) => {
            const item = items[index];
            if (item === undefined) return null;
            return (
              <div
                role="row"
                key={keyOf(item)}
                class="vtable-row"
                aria-rowindex={index + 2}
                style={{ height: `${size}px`, transform: `translateY(${start}px)` }}
              >
                {columns.map((column) => (
                  <span role="cell" key={column.name} class={column.class}>
                    {column.cell(item)}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </section>
  );
}

type Options = VirtualizerOptions<HTMLDivElement, HTMLDivElement>;

function useVirtualizer(
  count: number,
  rowHeightPx: number,
  scroller: { readonly current: HTMLDivElement | null },
) {
  const [, redraw] = useReducer((turn: number) => turn + 1, 0);
  const options: Options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeightPx,
    overscan: 10,
    // Before the first measure, and for those who print: a screenful.
    initialRect: { width: 0, height: 600 },
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => redraw(undefined),
  };
  const kept = useRef<Virtualizer<HTMLDivElement, HTMLDivElement> | undefined>(undefined);
  kept.current ??= new Virtualizer<HTMLDivElement, HTMLDivElement>(options);
  const virtualizer = kept.current;
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  useLayoutEffect(() => {
    if (rowHeightPx > 0) virtualizer.measure();
  }, [virtualizer, rowHeightPx]);
  return virtualizer;
}

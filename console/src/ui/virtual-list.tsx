import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useEffectEvent, useMemo, useRef, type KeyboardEvent, type ReactNode } from "react";

interface Props<Item> {
  /** All rows of the list; null stands for a row that was not read yet. */
  items: (Item | null)[];
  selected: Item | undefined;
  label: string;
  onSelect: (id: string) => void;
  /** Called with the places of the first and the last rendered row. */
  onShow: (first: number, last: number) => void;
  children: (item: Item) => ReactNode;
}

const ROW = 60;
const AHEAD = 10;

/** A list box: only the visible rows and some rows around them are rendered, however long the list is. */
export function VirtualList<Item extends { id: string }>({
  items,
  selected,
  label,
  onSelect,
  onShow,
  children,
}: Props<Item>) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: AHEAD,
    getItemKey: (place) => items[place]?.id ?? place,
  });
  const rendered = virtual.getVirtualItems();
  const from = rendered[0]?.index ?? 0;
  const to = rendered.at(-1)?.index ?? 0;
  const place = useMemo(() => (selected ? items.indexOf(selected) : -1), [items, selected]);

  const told = useEffectEvent(onShow);
  useEffect(() => told(from, to), [from, to, items]);

  useEffect(() => {
    if (place >= 0) virtual.scrollToIndex(place);
  }, [place, virtual]);

  // A key may lead to a row that was not read yet: the row is selected once it is read. A negative place counts from the end.
  const wanted = useRef<number | null>(null);
  const arrived = useEffectEvent(() => {
    const item = wanted.current === null ? null : items.at(wanted.current);
    if (item) choose(item);
  });
  useEffect(() => arrived(), [items]);

  function choose(item: Item) {
    wanted.current = null;
    onSelect(item.id);
  }

  function move(event: KeyboardEvent) {
    const screen = Math.floor((box.current?.clientHeight ?? 0) / ROW);
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: screen,
      PageUp: -screen,
      Home: -items.length,
      End: items.length,
    };
    const step = steps[event.key];
    if (step === undefined || items.length === 0) return;
    event.preventDefault();
    const next = Math.min(Math.max(place + step, 0), items.length - 1);
    const item = items[next];
    if (item) return choose(item);
    wanted.current = next > items.length / 2 ? next - items.length : next;
    virtual.scrollToIndex(next);
  }

  return (
    <div
      ref={box}
      onKeyDown={move}
      className="list"
      role="listbox"
      aria-label={label}
      aria-activedescendant={selected && `row-${selected.id}`}
      tabIndex={0}
      data-keys
    >
      <div role="presentation" className="list-space" style={{ height: virtual.getTotalSize() }}>
        {rendered.map((row) => {
          const item = items[row.index];
          const style = { transform: `translateY(${row.start}px)`, height: ROW };
          if (!item)
            return (
              <div key={row.key} role="presentation" className="row unread muted" style={style}>
                …
              </div>
            );
          return (
            <div
              key={row.key}
              id={`row-${item.id}`}
              role="option"
              aria-selected={item === selected}
              aria-setsize={items.length}
              aria-posinset={row.index + 1}
              className="row"
              style={style}
              onClick={() => choose(item)}
            >
              {children(item)}
            </div>
          );
        })}
      </div>
    </div>
  );
}

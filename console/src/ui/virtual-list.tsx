import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useEffectEvent, useMemo, useRef, type KeyboardEvent, type ReactNode } from "react";

interface Props<Item> {
  items: Item[];
  selected: Item | undefined;
  label: string;
  onSelect: (id: string) => void;
  /** Called with the places of the first and the last row in sight. */
  onShow: (first: number, last: number) => void;
  children: (item: Item) => ReactNode;
}

const ROW = 60;
const AHEAD = 10;

/** A list box: only the rows in sight are in the document, however long the list is. */
export function VirtualList<Item extends { id: string }>({
  items,
  selected,
  label,
  onSelect,
  onShow,
  children,
}: Props<Item>) {
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: AHEAD,
    getItemKey: (place) => items[place]?.id ?? place,
  });
  const shown = rows.getVirtualItems();
  const from = shown[0]?.index ?? 0;
  const to = shown.at(-1)?.index ?? 0;
  const place = useMemo(() => (selected ? items.indexOf(selected) : -1), [items, selected]);

  const told = useEffectEvent(onShow);
  useEffect(() => told(from, to), [from, to, items]);

  useEffect(() => {
    if (place >= 0) rows.scrollToIndex(place);
  }, [place, rows]);

  function move(event: KeyboardEvent) {
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      Home: -items.length,
      End: items.length,
    };
    const step = steps[event.key];
    if (step === undefined || items.length === 0) return;
    event.preventDefault();
    const next = items[Math.min(Math.max(place + step, 0), items.length - 1)];
    if (next) onSelect(next.id);
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
      <div role="presentation" className="list-space" style={{ height: rows.getTotalSize() }}>
        {shown.map((row) => {
          const item = items[row.index];
          if (!item) return null;
          return (
            <div
              key={row.key}
              id={`row-${item.id}`}
              role="option"
              aria-selected={item === selected}
              aria-setsize={items.length}
              aria-posinset={row.index + 1}
              className="row"
              style={{ transform: `translateY(${row.start}px)`, height: ROW }}
              onClick={() => onSelect(item.id)}
            >
              {children(item)}
            </div>
          );
        })}
      </div>
    </div>
  );
}

import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, type KeyboardEvent, type ReactNode } from "react";

interface Props<Item> {
  items: Item[];
  selected: Item | undefined;
  label: string;
  onSelect: (id: string) => void;
  /** Called when the end of the list comes near. */
  onEnd: () => void;
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
  onEnd,
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
  const seen = shown.at(-1)?.index ?? 0;
  const place = selected ? items.indexOf(selected) : -1;

  useEffect(() => {
    if (seen >= items.length - AHEAD) onEnd();
  }, [seen, items.length, onEnd]);

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

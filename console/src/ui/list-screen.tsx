import { type ReactNode, useEffect, useState } from "react";
import type { Pages } from "../graphql/pages";
import { OPENED, usePlace } from "../routing";
import { count } from "../words";
import { Failed, Loading } from "./states";
import { VirtualList } from "./virtual-list";

/**
 * A filtered list beside the object that a person selects in it. The selected object stays on the page, although the list no longer
 * has it, until the filter changes. `noun`: what the list holds, such as "contact".
 */
export function ListScreen<Node extends { id: string }>(props: {
  title: string;
  noun: string;
  filter: object;
  filters: ReactNode;
  acts?: ReactNode;
  pages: Pages<Node>;
  empty: ReactNode;
  row: (node: Node) => ReactNode;
  detail: (id: string) => ReactNode;
}) {
  const { title, noun, pages } = props;
  const filtered = JSON.stringify(props.filter);
  const first = pages.nodes[0]?.id;
  const opened = usePlace().filters.get(OPENED);
  const [selectedId, setSelectedId] = useState<string | null>(opened);
  const shownId = selectedId ?? first;
  useEffect(() => setSelectedId(opened), [filtered, opened]);
  useEffect(() => {
    if (selectedId === null && first && !pages.loading) setSelectedId(first);
  }, [selectedId, first, pages.loading]);
  return (
    <section className="inbox">
      <div className="heading">
        <h1>{title}</h1>
        {props.acts}
      </div>
      <div className="toolbar">
        {props.filters}
        <span className="muted" role="status">
          {!pages.loading && `${count(pages.totalCount, noun)}${pages.isExact ? "" : " or more"}`}
        </span>
      </div>
      {pages.error && pages.nodes.length === 0 ? (
        <Failed error={pages.error} retry={pages.reload} />
      ) : !shownId ? (
        pages.loading ? (
          <Loading what={`${noun}s`} />
        ) : (
          props.empty
        )
      ) : (
        <div className="split">
          <VirtualList
            items={pages.rows}
            selected={pages.rows.find((node) => node?.id === shownId) ?? undefined}
            label={title}
            onSelect={setSelectedId}
            onShow={pages.show}
          >
            {props.row}
          </VirtualList>
          {props.detail(shownId)}
        </div>
      )}
    </section>
  );
}

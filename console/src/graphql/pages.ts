import type { AnyVariables, CombinedError, RequestPolicy, TypedDocumentNode } from "@urql/core";
import { useEffect, useMemo, useRef, useState } from "react";
import { useClient } from "urql";

/** One page of a connection, as the API gives it. A list that is read from its end too asks for the fields of the page's beginning. */
export interface Page<Node> {
  totalCount?: number;
  totalCountIsExact?: boolean;
  pageInfo: {
    hasNextPage: boolean;
    endCursor: string | null;
    hasPreviousPage?: boolean;
    startCursor?: string | null;
  };
  edges: { node: Node }[];
}

export interface Pages<Node> {
  /** The rows that were read from the beginning of the list. */
  nodes: Node[];
  /** All rows of the list at their places; null stands for a row that was not read yet. */
  rows: (Node | null)[];
  totalCount: number;
  isExact: boolean;
  loading: boolean;
  error: CombinedError | null;
  hasMore: boolean;
  loadMore: () => void;
  /** Says which rows are rendered, so that the list reads them, and some rows ahead of them. */
  show: (first: number, last: number) => void;
  reload: () => void;
}

/** The variables of a list without those that choose a page. */
type Filters<Variables> = Omit<NonNullable<Variables>, "first" | "after" | "last" | "before">;

/** A list is read page after page, from its beginning (`first`, `after`) and from its end (`last`, `before`). */
type End = "head" | "tail";

interface State<Node> {
  head: Page<Node>[];
  /** The last page of the list comes first. */
  tail: Page<Node>[];
  loading: boolean;
  error: CombinedError | null;
}

/** A page that is read, or being read. */
interface Read {
  cursor: string | null;
  stop: () => void;
  /** Whether the page must be read again before it is shown. */
  isOld: boolean;
}

const SIZE = 50;
const AHEAD = 40; // rows beyond the rendered ones that are read too

/**
 * A list, page after page. Each loaded page follows the cache, so that a change of a row shows in every list. The last row of a long list
 * needs one request, because pages are read from the end of the list that is nearer. `reload` reads the rendered pages again, and each
 * other page once it is rendered: a list of many pages costs no more than a short one.
 */
export function usePages<Data, Variables extends AnyVariables, Node extends { id: string }>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Filters<Variables>,
  pick: (data: Data) => Page<Node>,
): Pages<Node> {
  const client = useClient();
  const key = JSON.stringify(variables);
  const [{ head, tail, loading, error }, setState] = useState<State<Node>>(nothing);
  const reads = useRef<Record<End, Read[]>>({ head: [], tail: [] });
  const view = useRef<[first: number, last: number]>([0, Infinity]);
  const shown = useRef(key);

  // Another list: no row of the last one is shown, not even for a moment.
  if (shown.current !== key) {
    shown.current = key;
    setState(nothing);
  }

  const read = (end: End, place: number, cursor: string | null, requestPolicy: RequestPolicy) => {
    const known = reads.current[end];
    known[place]?.stop();
    setState((before) => ({ ...before, loading: true, error: null }));
    const page = end === "head" ? { first: SIZE, after: cursor } : { last: SIZE, before: cursor };
    const asked = { ...variables, ...page } as unknown as Variables;
    const stream = client.query(document, asked, { requestPolicy }).subscribe(({ data, error, stale }) => {
      if (!data && place === known.length - 1) known.pop(); // it can be tried again
      setState((before) => ({
        ...before,
        [end]: data ? Object.assign([...before[end]], { [place]: pick(data) }) : before[end],
        loading: stale ? before.loading : false,
        error: error ?? null,
      }));
    });
    known[place] = { cursor, stop: stream.unsubscribe, isOld: false };
  };

  useEffect(() => {
    read("head", 0, null, "cache-and-network");
    return () => {
      for (const { stop } of [...reads.current.head, ...reads.current.tail]) stop();
      reads.current = { head: [], tail: [] };
    };
    // `variables` are compared by their content; `pick` only reads the answer.
  }, [client, document, key]);

  const totalCount = head[0]?.totalCount ?? 0;
  const { nodes, rows, gap } = useMemo(() => place(head, tail, totalCount), [head, tail, totalCount]);
  const last = head.at(-1)?.pageInfo;
  const loadMore = () => {
    const isRead = reads.current.head.length === head.length;
    if (isRead && !loading && last?.hasNextPage && last.endCursor)
      read("head", head.length, last.endCursor, "cache-and-network");
  };
  const loadTail = () => {
    const isRead = reads.current.tail.length === tail.length;
    const cursor = tail.at(-1)?.pageInfo.startCursor ?? null;
    if (isRead && !loading) read("tail", tail.length, cursor, "cache-and-network");
  };

  /** Reads the rendered rows that were not read yet, one page at a time: the next page follows when `rows` have changed. */
  const fillView = () => {
    const [first, last] = view.current;
    if (!gap || last + AHEAD < gap.from || first - AHEAD >= gap.to) return;
    if (last - gap.from <= gap.to - first) loadMore();
    else loadTail();
  };
  const readOldInView = () => {
    const [first, last] = view.current;
    for (const end of ["head", "tail"] as const) {
      let from = end === "head" ? 0 : rows.length;
      reads.current[end].forEach(({ isOld, cursor }, place) => {
        const size = (end === "head" ? head : tail)[place]?.edges.length ?? SIZE;
        if (end === "tail") from -= size;
        if (isOld && from + size > first && from <= last) read(end, place, cursor, "network-only");
        if (end === "head") from += size;
      });
    }
  };

  return {
    nodes,
    rows,
    totalCount,
    isExact: head[0]?.totalCountIsExact ?? true,
    loading,
    error,
    hasMore: last?.hasNextPage ?? false,
    loadMore,
    show: (first, last) => {
      view.current = [first, last];
      readOldInView();
      fillView();
    },
    reload: () => {
      if (reads.current.head.length === 0) read("head", 0, null, "network-only");
      for (const one of [...reads.current.head, ...reads.current.tail]) one.isOld = true;
      readOldInView();
    },
  };
}

interface Placed<Node> {
  nodes: Node[];
  rows: (Node | null)[];
  /** The places of the rows between the two ends that were not read yet. */
  gap: { from: number; to: number } | null;
}

/** Puts the rows of both ends at their places. The gap closes when a page of one end has a row of the other end, or no page follows. */
function place<Node extends { id: string }>(
  head: Page<Node>[],
  tail: Page<Node>[],
  totalCount: number,
): Placed<Node> {
  const nodes = unique(head.flatMap(nodesOf));
  if (!head.at(-1)?.pageInfo.hasNextPage) return { nodes, rows: nodes, gap: null };
  const ends = tail.toReversed().flatMap(nodesOf);
  const all = unique([...nodes, ...ends]);
  const isClosed = all.length < nodes.length + ends.length || tail.at(-1)?.pageInfo.hasPreviousPage === false;
  if (isClosed) return { nodes, rows: all, gap: null };
  const from = nodes.length;
  const unread = Math.max(1, totalCount - from - ends.length);
  const rows = [...nodes, ...Array<null>(unread).fill(null), ...ends];
  return { nodes, rows, gap: { from, to: from + unread } };
}

/** A row may be on two pages if it moved while they were read: the list has the row once. */
function unique<Node extends { id: string }>(nodes: Node[]): Node[] {
  return [...new Map(nodes.map((node) => [node.id, node])).values()];
}

const nodesOf = <Node>(page: Page<Node>): Node[] => page.edges.map(({ node }) => node);

function nothing(): { head: never[]; tail: never[]; loading: boolean; error: null } {
  return { head: [], tail: [], loading: true, error: null };
}

const NO_PAGE = { pageInfo: { hasNextPage: false, endCursor: null }, edges: [] };

/** All objects of a list that a person chooses from, read page after page. */
export function useAll<Data, Variables extends AnyVariables, Node extends { id: string }>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Filters<Variables>,
  pick: (data: Data) => Page<Node> | null | undefined,
): Pick<Pages<Node>, "nodes" | "reload"> {
  const { nodes, hasMore, loading, loadMore, reload } = usePages(
    document,
    variables,
    (data) => pick(data) ?? NO_PAGE,
  );
  useEffect(() => {
    if (hasMore && !loading) loadMore();
  });
  return { nodes, reload };
}

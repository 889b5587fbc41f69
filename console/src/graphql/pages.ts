import type { AnyVariables, CombinedError, RequestPolicy, TypedDocumentNode } from "@urql/core";
import { useEffect, useMemo, useRef, useState } from "react";
import { useClient } from "urql";

/** One page of a connection, as the API gives it. */
export interface Page<Node> {
  totalCount?: number;
  totalCountIsExact?: boolean;
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
  edges: { node: Node }[];
}

export interface Pages<Node> {
  nodes: Node[];
  totalCount: number;
  isExact: boolean;
  loading: boolean;
  error: CombinedError | null;
  hasMore: boolean;
  loadMore: () => void;
  /** Says which rows a person sees, so that their pages are read, and the next page before they end. */
  show: (first: number, last: number) => void;
  reload: () => void;
}

interface State<Node> {
  pages: Page<Node>[];
  loading: boolean;
  error: CombinedError | null;
}

const SIZE = 50;
const AHEAD = 40; // rows before the end at which the next page is read

/**
 * A list, page after page. Each loaded page follows the cache, so that a change of a row shows in every list. `reload` reads
 * the pages in view again, and each other page once it comes into view: a list of many pages costs no more than a short one.
 */
export function usePages<Data, Variables extends AnyVariables, Node>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Omit<NonNullable<Variables>, "first" | "after">,
  pick: (data: Data) => Page<Node>,
): Pages<Node> {
  const client = useClient();
  const key = JSON.stringify(variables);
  const [{ pages, loading, error }, setState] = useState<State<Node>>(nothing);
  const reads = useRef<Read[]>([]);
  const view = useRef<View>([0, Infinity]);
  const shown = useRef(key);

  // Another list: no row of the last one is shown, not even for a moment.
  if (shown.current !== key) {
    shown.current = key;
    setState(nothing);
  }

  const read = (place: number, after: string | null, requestPolicy: RequestPolicy) => {
    reads.current[place]?.stop();
    setState((before) => ({ ...before, loading: true, error: null }));
    const asked = { ...variables, first: SIZE, after } as unknown as Variables;
    const stream = client.query(document, asked, { requestPolicy }).subscribe(({ data, error, stale }) => {
      if (!data && place === reads.current.length - 1) reads.current.pop(); // it can be tried again
      setState((before) => ({
        pages: data ? Object.assign([...before.pages], { [place]: pick(data) }) : before.pages,
        loading: stale ? before.loading : false,
        error: error ?? null,
      }));
    });
    reads.current[place] = { after, stop: stream.unsubscribe, isOld: false };
  };
  const readOldInView = () => {
    const [first, last] = view.current;
    reads.current.forEach(({ isOld, after }, place) => {
      const isInView = (place + 1) * SIZE > first && place * SIZE <= last;
      if (isOld && isInView) read(place, after, "network-only");
    });
  };

  useEffect(() => {
    read(0, null, "cache-and-network");
    return () => {
      reads.current.forEach(({ stop }) => stop());
      reads.current = [];
    };
    // `variables` are compared by their content; `pick` only reads the answer.
  }, [client, document, key]);

  const nodes = useMemo(() => pages.flatMap((page) => page.edges.map(({ node }) => node)), [pages]);
  const last = pages.at(-1);
  const loadMore = () => {
    const after = last?.pageInfo.endCursor;
    const isRead = reads.current.length === pages.length;
    if (isRead && !loading && last?.pageInfo.hasNextPage && after)
      read(pages.length, after, "cache-and-network");
  };
  return {
    nodes,
    totalCount: pages[0]?.totalCount ?? 0,
    isExact: pages[0]?.totalCountIsExact ?? true,
    loading,
    error,
    hasMore: last?.pageInfo.hasNextPage ?? false,
    loadMore,
    show: (first, last) => {
      view.current = [first, last];
      readOldInView();
      if (last >= nodes.length - AHEAD) loadMore();
    },
    reload: () => {
      if (reads.current.length === 0) read(0, null, "network-only");
      for (const one of reads.current) one.isOld = true;
      readOldInView();
    },
  };
}

/** A page that is read, or being read. */
interface Read {
  after: string | null;
  stop: () => void;
  /** Whether the page must be read again before it is shown. */
  isOld: boolean;
}

/** The first and the last row that a person sees. */
type View = [number, number];

function nothing(): { pages: never[]; loading: boolean; error: null } {
  return { pages: [], loading: true, error: null };
}

const NO_PAGE = { pageInfo: { hasNextPage: false, endCursor: null }, edges: [] };

/** All objects of a list that a person chooses from, read page after page. */
export function useAll<Data, Variables extends AnyVariables, Node>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Omit<NonNullable<Variables>, "first" | "after">,
  pick: (data: Data) => Page<Node> | null | undefined,
): Node[] {
  const { nodes, hasMore, loading, loadMore } = usePages(
    document,
    variables,
    (data) => pick(data) ?? NO_PAGE,
  );
  useEffect(() => {
    if (hasMore && !loading) loadMore();
  });
  return nodes;
}

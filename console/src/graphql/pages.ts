import type { AnyVariables, CombinedError, TypedDocumentNode } from "@urql/core";
import { useEffect, useRef, useState } from "react";
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
  reload: () => void;
}

const SIZE = 50;

/**
 * A list, page after page. Each loaded page follows the cache, so that a change of a row shows in every list. `reload`
 * reads the loaded pages again.
 */
export function usePages<Data, Variables extends AnyVariables, Node>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Omit<NonNullable<Variables>, "first" | "after">,
  pick: (data: Data) => Page<Node>,
): Pages<Node> {
  const client = useClient();
  const key = JSON.stringify(variables);
  const [version, setVersion] = useState(0);
  const [pages, setPages] = useState<Page<Node>[]>([]);
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  const [error, setError] = useState<CombinedError | null>(null);
  const [loading, setLoading] = useState(true);
  const shown = useRef(key);

  if (shown.current !== key) {
    shown.current = key;
    setPages([]);
    setCursors([null]);
    setLoading(true);
  }

  useEffect(() => {
    setLoading(true);
    setError(null);
    const requestPolicy = version > 0 ? "network-only" : "cache-and-network";
    const streams = cursors.map((after, place) => {
      const asked = { ...variables, first: SIZE, after } as unknown as Variables;
      return client.query(document, asked, { requestPolicy }).subscribe((result) => {
        setError(result.error ?? null);
        if (!result.stale) setLoading(false);
        const { data } = result;
        if (data) setPages((before) => Object.assign([...before], { [place]: pick(data) }));
      });
    });
    return () => streams.forEach((stream) => stream.unsubscribe());
    // `variables` are compared by their content; `pick` only reads the answer.
  }, [client, document, key, cursors, version]);

  const loaded = pages.filter(Boolean);
  const last = loaded.at(-1);
  return {
    nodes: loaded.flatMap((page) => page.edges.map((edge) => edge.node)),
    totalCount: loaded[0]?.totalCount ?? 0,
    isExact: loaded[0]?.totalCountIsExact ?? true,
    loading,
    error,
    hasMore: last?.pageInfo.hasNextPage ?? false,
    loadMore: () => {
      const next = last?.pageInfo.endCursor;
      if (!loading && last?.pageInfo.hasNextPage && next && !cursors.includes(next))
        setCursors([...cursors, next]);
    },
    reload: () => setVersion((before) => before + 1),
  };
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

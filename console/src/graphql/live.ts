import type { LiveSubscription } from "../gql/graphql";
import { LiveDocument } from "../gql/graphql";
import type { Connection } from "./client";

export type LiveState = "connecting" | "live" | "offline";
export type Update = LiveSubscription["syncStatus"]["update"];

const SHORTEST = 500;
const LONGEST = 10_000;

/**
 * Follows `syncStatus` from a cursor, so that the cache holds each change. After an interruption it goes on from the cursor
 * of the last event: no event is missed. A `Resync` event tells the listeners to read their lists again.
 */
export class Live {
  state: LiveState = "connecting";
  private readonly watchers = new Set<() => void>();
  private readonly listeners = new Set<(update: Update) => void>();
  private cursor: string;
  private pause = SHORTEST;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private renewing = false;
  private stopStream: () => void = () => {};

  constructor(
    private readonly connection: Connection,
    cursor: string,
  ) {
    this.cursor = cursor;
  }

  /** Begins to follow; returns the function that ends it. */
  start(): () => void {
    const offConnected = this.connection.socket.on("connected", () => {
      this.pause = SHORTEST;
      this.renewing = false;
      this.show("live");
    });
    const offClosed = this.connection.socket.on("closed", () => this.closed());
    const retry = () => this.follow();
    const lost = () => this.interrupt();
    window.addEventListener("online", retry);
    window.addEventListener("offline", lost);
    this.follow();
    return () => {
      offConnected();
      offClosed();
      window.removeEventListener("online", retry);
      window.removeEventListener("offline", lost);
      clearTimeout(this.timer);
      this.stopStream();
    };
  }

  /** Follows on a new socket, with the session's new token: the server closes a socket when its token ends. */
  renew(): void {
    this.renewing = true;
    this.stopStream(); // the socket closes, because nothing else uses it
  }

  /** Calls `changed` when `state` changes. */
  watch = (changed: () => void): (() => void) => {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  };

  /** Calls `listener` with each update, after the cache holds it. */
  listen(listener: (update: Update) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private follow(): void {
    clearTimeout(this.timer);
    this.stopStream();
    const stream = this.connection.client
      .subscription(LiveDocument, { after: this.cursor })
      .subscribe(({ data, error }) => {
        if (error) this.interrupt();
        else if (data) this.receive(data);
      });
    this.stopStream = stream.unsubscribe;
  }

  private receive({ syncStatus }: LiveSubscription): void {
    this.cursor = syncStatus.cursor;
    for (const listener of this.listeners) listener(syncStatus.update);
  }

  private closed(): void {
    if (this.renewing) this.follow();
    else this.interrupt();
  }

  private interrupt(): void {
    this.renewing = false;
    this.stopStream();
    this.show("offline");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.follow(), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST);
  }

  private show(state: LiveState): void {
    if (state === this.state) return;
    this.state = state;
    for (const changed of this.watchers) changed();
  }
}

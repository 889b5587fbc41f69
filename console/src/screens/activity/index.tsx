import { ActivityDocument } from "../../gql/graphql";
import { useReload } from "../../graphql/context";
import { usePages } from "../../graphql/pages";
import { Button } from "../../ui/button";
import { Empty, Failed, Loading } from "../../ui/states";
import { fieldName, time } from "../../words";

/** What happened in the practice, the newest first. */
export function Activity() {
  const pages = usePages(ActivityDocument, {}, (data) => data.activity);
  useReload(() => true, pages.reload);
  return (
    <section className="inbox">
      <h1>Activity</h1>
      {pages.error && pages.nodes.length === 0 ? (
        <Failed error={pages.error} retry={pages.reload} />
      ) : pages.nodes.length === 0 ? (
        pages.loading ? (
          <Loading what="the activity" />
        ) : (
          <Empty title="Nothing has happened yet" />
        )
      ) : (
        <div className="cards" tabIndex={0}>
          <div className="card">
            <ol className="history">
              {pages.nodes.map((event) => (
                <li key={event.id}>
                  <p>
                    {event.message}{" "}
                    <span className="muted small">
                      {event.actor.name}, {time(event.at)}
                    </span>
                  </p>
                  {event.changes.map((change) => (
                    <p key={change.field} className="change small">
                      <span className="muted">{fieldName(change.field)}</span>
                      <span>
                        <del>{change.before ?? "blank"}</del> → {change.after ?? "blank"}
                      </span>
                    </p>
                  ))}
                </li>
              ))}
            </ol>
          </div>
          {pages.hasMore && (
            <div>
              <Button disabled={pages.loading} onClick={pages.loadMore}>
                Show more
              </Button>
            </div>
          )}
        </div>
      )}
    </section>
  );
}

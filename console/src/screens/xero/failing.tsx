import { useQuery } from "urql";
import { FailingDocument } from "../../gql/graphql";
import { useUpdates } from "../../graphql/context";
import { placeOf } from "../../routing";
import { Link } from "../../ui/link";
import { Failed } from "../../ui/states";
import { STATES } from "../../words";

/** The links that need a person, each with the reason. */
export function Failing({ organisationId }: { organisationId: string }) {
  const [{ data, error }, read] = useQuery({
    query: FailingDocument,
    variables: { organisationId },
    requestPolicy: "cache-and-network",
  });
  const links = data?.syncLinks.edges.map(({ node }) => node) ?? [];
  useUpdates((update) => {
    const isNew =
      update.__typename === "LinkUpdate" &&
      update.link.failure &&
      !links.some(({ id }) => id === update.link.id);
    if (isNew || update.__typename === "Resync") read({ requestPolicy: "network-only" });
  });
  if (error) return <Failed error={error} retry={() => read({ requestPolicy: "network-only" })} />;
  const failing = links.filter((link) => ["FAILING", "CONFLICT", "BROKEN"].includes(link.state));
  return (
    <ul className="failing">
      {failing.map((link) => (
        <li key={link.id}>
          <span className={`badge ${link.state.toLowerCase()}`}>{STATES[link.state]}</span>{" "}
          <Link to={placeOf("contacts", { id: link.contact.id })}>{link.contact.name}</Link>{" "}
          <span className="muted">{link.failure?.message}</span>
        </li>
      ))}
    </ul>
  );
}

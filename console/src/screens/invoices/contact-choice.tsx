import { useState } from "react";
import { useQuery } from "urql";
import { ContactChoiceDocument, ContactChoicesDocument } from "../../gql/graphql";
import { Button } from "../../ui/button";
import { Input } from "../../ui/input";
import { useSettled } from "../../ui/settled";

interface Props {
  /** The id of the chosen contact, or blank. */
  id: string;
  onChoose: (id: string) => void;
}

/** Chooses the contact whom an invoice bills. */
export function ContactChoice({ id, onChoose }: Props) {
  const [{ data }] = useQuery({ query: ContactChoiceDocument, variables: { id }, pause: id === "" });
  if (id === "") return <ContactSearch onChoose={onChoose} />;
  return (
    <p className="actions">
      <strong>{data?.contact?.name ?? "…"}</strong>
      <span className="muted">{data?.contact?.billingEmail}</span>
      <Button onClick={() => onChoose("")}>Choose another contact</Button>
    </p>
  );
}

function ContactSearch({ onChoose }: Pick<Props, "onChoose">) {
  const [typed, setTyped] = useState("");
  const search = useSettled(typed.trim());
  const [{ data, fetching }] = useQuery({
    query: ContactChoicesDocument,
    variables: { search },
    pause: search === "",
  });
  const found = search === "" ? [] : (data?.contacts.edges ?? []);
  return (
    <div className="choose">
      <Input
        label="Contact"
        type="search"
        className="search"
        placeholder="Search name, email or phone"
        value={typed}
        onChange={setTyped}
      />
      <ul className="choices" aria-label="Contacts that fit">
        {found.map(({ node }) => (
          <li key={node.id}>
            <span>
              {node.name} <span className="muted">{node.billingEmail}</span>
            </span>
            <Button onClick={() => onChoose(node.id)}>Bill {node.name}</Button>
          </li>
        ))}
      </ul>
      {search !== "" && !fetching && found.length === 0 && (
        <p className="muted" role="status">
          No contact fits.
        </p>
      )}
    </div>
  );
}

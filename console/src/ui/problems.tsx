import type { FailurePartsFragment, ProblemPartsFragment, Remedy } from "../gql/graphql";
import { placeOf } from "../routing";
import { Link } from "./link";

interface Subject {
  __typename: string;
  id: string;
}

type Target = (subjects: Subject[]) => string;

const setup: Target = () => placeOf("invoice-setup");
const contact: Target = (subjects) => placeOf("contacts", { id: subjectOf(subjects, "Contact") });

/** Where a person does what a remedy says. The remedies that are missing here are buttons beside the failure. */
const REMEDIES: Partial<Record<Remedy, { label: string; to: Target }>> = {
  CONNECT_XERO: { label: "Connect Xero", to: () => placeOf("xero") },
  UPDATE_CONTACT: { label: "Edit the contact", to: contact },
  PUSH_TO_XERO: { label: "Create Xero contact", to: contact },
  UNSYNC: { label: "Open the contact", to: contact },
  SETTLE_CONFLICT: { label: "Open the contact", to: contact },
  CONFIRM_MATCH: { label: "Decide the match issue", to: () => placeOf("issues") },
  REMATCH: { label: "Open Unsynced", to: () => placeOf("issues", { tab: "unsynced" }) },
  CREATE_FROM_UNSYNCED: { label: "Open Unsynced", to: () => placeOf("issues", { tab: "unsynced" }) },
  SET_INVOICE_SYNC: { label: "Open the invoice set-up", to: setup },
  SET_DEFAULT_ACCOUNTS: { label: "Choose the default accounts", to: setup },
  SET_ACCOUNT_MAPPING: { label: "Choose the account", to: setup },
  SET_TAX_MAPPING: { label: "Choose the tax rate", to: setup },
};

function subjectOf(subjects: Subject[], type: string): string | null {
  return subjects.find(({ __typename }) => __typename === type)?.id ?? null;
}

/** The link that leads to the remedy, or nothing if there is none on another screen. */
function Fix({ remedy, subjects }: { remedy: Remedy | null; subjects: Subject[] }) {
  const found = remedy && REMEDIES[remedy];
  return found ? (
    <Link to={found.to(subjects)} className="button">
      {found.label}
    </Link>
  ) : null;
}

interface Props {
  problems: (ProblemPartsFragment | FailurePartsFragment)[];
  here?: boolean;
}

/** Problems, each with the link to its remedy. `here`: the remedies are on this screen. */
export function Problems({ problems, here = false }: Props) {
  return problems.map(({ message, remedy, subjects }) => (
    <div key={message} className="problem with-fix">
      <p>{message}</p>
      {!here && <Fix remedy={remedy} subjects={subjects} />}
    </div>
  ));
}

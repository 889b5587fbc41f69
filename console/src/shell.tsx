import type { ReactNode } from "react";
import { useConsole, useLiveState } from "./graphql/context";
import { addressOf, usePlace } from "./routing";
import { Activity } from "./screens/activity";
import { Contacts } from "./screens/contacts";
import { InvoiceSetup } from "./screens/invoice-setup";
import { Invoices } from "./screens/invoices";
import { EditInvoice, NewInvoice } from "./screens/invoices/invoice-form";
import { MatchIssues } from "./screens/match-issues";
import { Xero } from "./screens/xero";
import { Button } from "./ui/button";
import { Link } from "./ui/link";
import { Empty } from "./ui/states";

interface Screen {
  path: string;
  title: string;
  show: () => ReactNode;
}

const SCREENS: [Screen, ...Screen[]] = [
  { path: "issues", title: "Match Issues", show: () => <MatchIssues /> },
  { path: "contacts", title: "Contacts", show: () => <Contacts /> },
  { path: "invoices", title: "Invoices", show: () => <Invoices /> },
  { path: "invoice-setup", title: "Invoice set-up", show: () => <InvoiceSetup /> },
  { path: "xero", title: "Xero", show: () => <Xero /> },
  { path: "activity", title: "Activity", show: () => <Activity /> },
];

/** Screens that a button of another screen opens. */
const INNER: Screen[] = [
  { path: "invoices/new", title: "New invoice", show: () => <NewInvoice /> },
  { path: "invoices/edit", title: "Edit the invoice", show: () => <EditInvoice /> },
];

export function Shell({ onLeave }: { onLeave: () => void }) {
  const { start } = useConsole();
  const { screen } = usePlace();
  const shown = screen === "" ? SCREENS[0] : [...SCREENS, ...INNER].find((one) => one.path === screen);
  const open = start.workspace.xeroOrganisations.reduce((sum, one) => sum + one.summary.openIssues, 0);
  return (
    <div className="shell">
      <a className="skip" href="#screen">
        Skip to the screen
      </a>
      <header className="bar">
        <strong className="brand">Tandem</strong>
        <nav aria-label="Screens">
          {SCREENS.map(({ path, title }) => (
            <Link key={path} to={addressOf(path)} current={shown?.path === path}>
              {title}
              {path === "issues" && open > 0 && <span className="count">{open}</span>}
            </Link>
          ))}
        </nav>
        <LiveSign />
        <span className="who">
          {start.workspace.name} · {start.viewer.name}
        </span>
        <GraphiQL />
        <Button onClick={onLeave}>Sign out</Button>
      </header>
      <Offline />
      <main id="screen" tabIndex={-1}>
        {shown ? shown.show() : <NoScreen />}
      </main>
    </div>
  );
}

function NoScreen() {
  return (
    <section className="inbox">
      <h1>Not found</h1>
      <Empty title="There is no such screen">Choose one in the bar above.</Empty>
    </section>
  );
}

function LiveSign() {
  const state = useLiveState();
  const text = { live: "Live", connecting: "Connecting …", offline: "Offline" }[state];
  return (
    <span className={`live ${state}`} role="status">
      {text}
    </span>
  );
}

function Offline() {
  if (useLiveState() !== "offline") return null;
  return (
    <p className="offline" role="alert">
      Offline. Tandem does not answer: what you see may be old, and decisions are not sent. The console
      catches up by itself as soon as Tandem answers.
    </p>
  );
}

/** The last query or mutation that this screen has sent, in GraphiQL. The token is not in the address. */
function GraphiQL() {
  const { lastSent } = useConsole();
  const open = () => {
    const sent = lastSent();
    const parts = new URLSearchParams();
    if (sent) {
      parts.set("q", sent.query);
      parts.set("variables", JSON.stringify(sent.variables ?? {}, null, 2));
    }
    window.open(`/graphql?${parts.toString().replaceAll("+", "%20")}`, "_blank", "noopener");
  };
  return (
    <Button className="quiet" onClick={open} title="The last operation that this screen has sent">
      Open in GraphiQL
    </Button>
  );
}

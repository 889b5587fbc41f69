import { useQuery } from "urql";
import { InvoicePageDocument, type InvoicePartsFragment } from "../../gql/graphql";
import { useReload } from "../../graphql/context";
import { Problems } from "../../ui/problems";
import { Empty, Failed, Loading } from "../../ui/states";
import { amount, date, money, time } from "../../words";
import { InvoiceActs } from "./invoice-acts";
import { STATUSES, SYNC } from "./words";

export type Invoice = InvoicePartsFragment;

export function InvoicePage({ id }: { id: string }) {
  const [{ data, error, fetching }, read] = useQuery({
    query: InvoicePageDocument,
    variables: { id },
    requestPolicy: "cache-and-network",
  });
  useReload(
    (update) =>
      update.__typename === "Resync" || (update.__typename === "InvoiceUpdate" && update.invoice.id === id),
    () => read({ requestPolicy: "network-only" }),
  );

  const invoice = data?.invoice;
  if (!invoice) {
    if (error) return <Failed error={error} retry={() => read({ requestPolicy: "network-only" })} />;
    return fetching ? <Loading what="the invoice" /> : <Empty title="There is no such invoice" />;
  }
  const { sync, currency } = invoice;
  return (
    <article className="detail" tabIndex={0} aria-label={`Invoice ${invoice.number}`}>
      <header>
        <h2>
          {invoice.number} {invoice.contact.name}
        </h2>
        <p className="muted">
          {STATUSES[invoice.status]}, issued {date(invoice.issueDate)}, due {date(invoice.dueDate)}
          {invoice.reference && `, reference ${invoice.reference}`}
        </p>
        <p>
          <span
            className={`badge ${sync.state === "SYNCED" ? "sure" : sync.state === "FAILING" ? "failing" : ""}`}
          >
            {SYNC[sync.state]}
          </span>{" "}
          {sync.url && (
            <a href={sync.url} target="_blank" rel="noreferrer">
              open in Xero ↗
            </a>
          )}
        </p>
      </header>
      <Problems problems={sync.failure ? [sync.failure] : []} />
      <Problems problems={invoice.problems} />
      {sync.warnings.map((warning) => (
        <p key={warning} className="muted">
          {warning}
        </p>
      ))}
      {sync.differences.length > 0 && (
        <ul>
          {sync.differences.map((one) => (
            <li key={one.field}>
              {one.field}: {one.practice ?? "blank"} here, {one.xero ?? "blank"} in Xero
            </li>
          ))}
        </ul>
      )}
      <InvoiceActs invoice={invoice} />
      <Lines invoice={invoice} />
      {invoice.payments.length > 0 && (
        <section className="part" aria-labelledby="payments">
          <h3 id="payments">Payments in Xero</h3>
          <ul>
            {invoice.payments.map((payment) => (
              <li key={payment.id}>
                {date(payment.date)}: {money(payment.amount, currency)} {payment.reference}
                {payment.reversed && <span className="badge">Reversed</span>}
              </li>
            ))}
          </ul>
        </section>
      )}
      <section className="part" aria-labelledby="history">
        <h3 id="history">History</h3>
        <ol className="history">
          {invoice.activity.edges.map(({ node }) => (
            <li key={node.id}>
              {node.message}{" "}
              <span className="muted small">
                {node.actor.name}, {time(node.at)}
              </span>
            </li>
          ))}
        </ol>
      </section>
    </article>
  );
}

function Lines({ invoice }: { invoice: Invoice }) {
  const { currency } = invoice;
  const sums: [string, string][] = [
    ["Subtotal", invoice.subtotal],
    ["Tax", invoice.taxTotal],
    ["Total", invoice.total],
    ["Paid", invoice.amountPaid],
    ["Due", invoice.amountDue],
  ];
  return (
    <table className="lines">
      <thead>
        <tr>
          <th scope="col">Line</th>
          <th scope="col">Account</th>
          <th scope="col">Quantity</th>
          <th scope="col">Price</th>
          <th scope="col">Tax</th>
          <th scope="col">Amount</th>
        </tr>
      </thead>
      <tbody>
        {invoice.lines.map((line) => (
          <tr key={line.id}>
            <td>
              {line.description} <span className="muted">{line.serviceType?.name}</span>
            </td>
            <td data-name="Account">{line.accountCode ?? <span className="blank">none</span>}</td>
            <td data-name="Quantity">{amount(line.quantity)}</td>
            <td data-name="Price">{amount(line.unitPrice)}</td>
            <td data-name="Tax">{amount(line.taxAmount)}</td>
            <td data-name="Amount">{amount(line.amount)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        {sums.map(([name, sum]) => (
          <tr key={name}>
            <th scope="row" colSpan={5}>
              {name}
            </th>
            <td>{money(sum, currency)}</td>
          </tr>
        ))}
      </tfoot>
    </table>
  );
}

import { useState } from "react";
import { useClient } from "urql";
import {
  SetAccountMappingDocument,
  SetDefaultAccountsDocument,
  type AccountPartsFragment,
} from "../../gql/graphql";
import { useActing } from "../../ui/acting";
import { Button } from "../../ui/button";
import { Choice } from "../../ui/choice";
import type { Organisation } from ".";

type Account = AccountPartsFragment;

interface Props {
  organisation: Organisation;
  accounts: Account[];
  mayChange: boolean;
}

/** The accounts for lines that no mapping covers. Both are chosen together. */
export function DefaultAccounts({ organisation, accounts, mayChange }: Props) {
  const client = useClient();
  const { waiting, act } = useActing();
  const { defaultRevenueAccount, defaultExpenseAccount } = organisation.invoiceSync;
  const [revenue, setRevenue] = useState<string | null>(null);
  const [expense, setExpense] = useState<string | null>(null);
  const revenueAccountCode = revenue ?? defaultRevenueAccount?.code ?? "";
  const expenseAccountCode = expense ?? defaultExpenseAccount?.code ?? "";
  const save = async () => {
    const input = { organisationId: organisation.id, revenueAccountCode, expenseAccountCode };
    const { accepted } = await act(
      "Default accounts saved.",
      client.mutation(SetDefaultAccountsDocument, { input }),
      (data) => data.setDefaultAccounts,
    );
    if (accepted) (setRevenue(null), setExpense(null));
  };
  return (
    <section className="card" aria-labelledby="default-accounts">
      <h2 id="default-accounts">Default accounts</h2>
      <p className="muted">They take the lines that no service type covers, and the expenses.</p>
      <div className="actions">
        <Choice
          label="Revenue"
          value={revenueAccountCode}
          options={optionsOf(accounts.filter(isRevenue), defaultRevenueAccount)}
          blank="Choose an account"
          disabled={!mayChange}
          onChange={setRevenue}
        />
        <Choice
          label="Expenses"
          value={expenseAccountCode}
          options={optionsOf(accounts, defaultExpenseAccount)}
          blank="Choose an account"
          disabled={!mayChange}
          onChange={setExpense}
        />
        {mayChange && (
          <Button
            kind="primary"
            disabled={
              waiting || (!revenue && !expense) || revenueAccountCode === "" || expenseAccountCode === ""
            }
            onClick={save}
          >
            Save the accounts
          </Button>
        )}
      </div>
    </section>
  );
}

/** The account of each service type. Each choice is saved at once. */
export function ServiceTypes({ organisation, accounts, mayChange }: Props) {
  const client = useClient();
  const { waiting, act } = useActing();
  const { accountMappings } = organisation.invoiceSync;
  const save = (serviceTypeId: string, name: string, code: string) =>
    act(
      `Account of ${name} saved.`,
      client.mutation(SetAccountMappingDocument, {
        input: { organisationId: organisation.id, serviceTypeId, accountCode: code || null },
      }),
      (data) => data.setAccountMapping,
    );
  return (
    <section className="card" aria-labelledby="service-types">
      <h2 id="service-types">Accounts of service types</h2>
      {accountMappings.length === 0 && <p className="muted">The practice has no service types yet.</p>}
      <ul className="choices">
        {accountMappings.map(({ serviceType, account, problem }) => (
          <li key={serviceType.id}>
            <Choice
              label={serviceType.name}
              value={account?.code ?? ""}
              options={optionsOf(accounts.filter(isRevenue), account)}
              blank="The default revenue account"
              disabled={!mayChange || waiting}
              onChange={(code) => save(serviceType.id, serviceType.name, code)}
            />
            {problem && <span className="problem">{problem.message}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

const isRevenue = (account: Account) => account.class === "REVENUE";

/** The choices, and the present account, although it may be archived or of another class by now. */
function optionsOf(accounts: Account[], present: Account | null): [string, string][] {
  const all = present && !accounts.some(({ id }) => id === present.id) ? [present, ...accounts] : accounts;
  return all.flatMap(({ code, name, active }) =>
    code ? [[code, `${code} ${name}${active ? "" : " (archived)"}`]] : [],
  );
}

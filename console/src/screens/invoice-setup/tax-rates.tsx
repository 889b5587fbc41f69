import { useClient } from "urql";
import { SetTaxMappingDocument } from "../../gql/graphql";
import { useActing } from "../../ui/acting";
import { Choice } from "../../ui/choice";
import type { Organisation } from ".";

type TaxMapping = Organisation["invoiceSync"]["taxMappings"][number];

/** The Xero tax rate of each tax rate of the practice. Xero's rates with another percentage cannot be chosen. */
export function TaxRates({ organisation, mayChange }: { organisation: Organisation; mayChange: boolean }) {
  const client = useClient();
  const { waiting, act } = useActing();
  const { taxMappings } = organisation.invoiceSync;
  const save = ({ taxRate }: TaxMapping, xeroTaxType: string) =>
    act(
      `Tax rate of ${taxRate.name} saved.`,
      client.mutation(SetTaxMappingDocument, {
        input: { organisationId: organisation.id, taxRateId: taxRate.id, xeroTaxType: xeroTaxType || null },
      }),
      (data) => data.setTaxMapping,
    );
  return (
    <section className="card" aria-labelledby="tax-rates">
      <h2 id="tax-rates">Tax rates</h2>
      {taxMappings.length === 0 && <p className="muted">The practice has no tax rates yet.</p>}
      <ul className="choices">
        {taxMappings.map((mapping) => (
          <li key={mapping.taxRate.id}>
            <Choice
              label={`${mapping.taxRate.name} (${Number(mapping.taxRate.percentage)} %)`}
              value={mapping.xeroTaxRate?.taxType ?? ""}
              options={optionsOf(organisation, mapping)}
              blank="None: invoices with this rate wait"
              disabled={!mayChange || waiting}
              onChange={(taxType) => save(mapping, taxType)}
            />
            {mapping.problem && <span className="problem">{mapping.problem.message}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function optionsOf({ taxRates }: Organisation, { taxRate, xeroTaxRate }: TaxMapping): [string, string][] {
  const fitting = taxRates.filter(
    (one) =>
      one.id === xeroTaxRate?.id ||
      (one.active && one.canApplyToRevenue && Number(one.effectiveRate) === Number(taxRate.percentage)),
  );
  return fitting.map(({ taxType, name, effectiveRate }) => [taxType, `${name} (${Number(effectiveRate)} %)`]);
}

import { useState } from "react";
import { useClient } from "urql";
import { DisconnectXeroDocument } from "../../gql/graphql";
import { useActing } from "../../ui/acting";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import type { Organisation } from ".";

/** Ends the connection, after a question that says what stays. */
export function Disconnect({ organisation }: { organisation: Organisation }) {
  const client = useClient();
  const { waiting, act } = useActing();
  const [asking, setAsking] = useState(false);
  const disconnect = () => {
    setAsking(false);
    void act(
      `Disconnected: ${organisation.name}`,
      client.mutation(DisconnectXeroDocument, { input: { organisationId: organisation.id } }),
      (data) => data.disconnectXero,
    );
  };
  return (
    <>
      <Button disabled={waiting} onClick={() => setAsking(true)}>
        Disconnect …
      </Button>
      <Dialog
        open={asking}
        onClose={() => setAsking(false)}
        title={`Disconnect ${organisation.name}?`}
        actions={
          <Button kind="primary" onClick={disconnect}>
            Disconnect
          </Button>
        }
      >
        <p>
          Nothing is read from Xero or sent there any more. Links, settings and what waits to be sent are kept
          for the next connection.
        </p>
      </Dialog>
    </>
  );
}

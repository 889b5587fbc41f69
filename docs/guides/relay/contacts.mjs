import relay from "relay-runtime";
import ContactsLiveSubscription from "./__generated__/ContactsLiveSubscription.graphql.js";
import ContactsUpdateMutation from "./__generated__/ContactsUpdateMutation.graphql.js";

const { commitMutation, requestSubscription } = relay;

/** Shows the new email at once. The answer replaces it: by the accepted value, or by the old one if the API refuses. */
export function updateEmail(environment, contact, billingEmail) {
  return new Promise((resolve, reject) => {
    commitMutation(environment, {
      mutation: ContactsUpdateMutation,
      variables: { input: { contactId: contact.id, version: contact.version, billingEmail } },
      optimisticResponse: {
        updateContact: { contact: { id: contact.id, billingEmail, version: contact.version }, userErrors: [] },
      },
      onCompleted: ({ updateContact }) => resolve(updateContact.userErrors),
      onError: reject,
    });
  });
}

/** Follows the changes since `after`, the `syncCursor` that came with the list. `onResync` reads the lists again. */
export function followChanges(environment, after, onResync) {
  return requestSubscription(environment, {
    subscription: ContactsLiveSubscription,
    variables: { after },
    onNext: ({ syncStatus }) => syncStatus.update.__typename === "Resync" && onResync(),
    onError: console.error,
  });
}

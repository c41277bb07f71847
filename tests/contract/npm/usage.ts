// Type-checked against the types that openapi-typescript makes of schemas/openapi.json; never run.
import type { components, paths, webhooks } from "./openapi";

type NewOrder = paths["/api/v1/orders"]["post"]["requestBody"]["content"]["application/json"];
type OrderList = paths["/api/v1/orders"]["get"]["responses"]["200"]["content"]["application/json"];
type Receipt = components["schemas"]["CommandReceipt"];

export const order: NewOrder = {
  lines: [{ sku: "KIT-101", quantity: 2, price: { amount: "12.50", currency: "GBP" } }],
};

export function totals(list: OrderList): string[] {
  return list.results.map((row) => `${row.total?.amount} ${row.total?.currency}`);
}

export function version(receipt: Receipt): number {
  return receipt.version;
}

export type Shipped = webhooks["OrderShipped"]["post"]["requestBody"]["content"]["application/json"];

// @ts-expect-error: a quantity is a number
export const wrong: NewOrder = { lines: [{ sku: "KIT-101", quantity: "2", price: { amount: "1", currency: "GBP" } }] };

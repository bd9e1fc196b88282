// What an operator reads of a TLS or socket failure: each kind of failure has its own words, and none passes for another.
import { describe, expect, test } from "bun:test";
import {
  brokenHandshake,
  explainClose,
  explainConnect,
  explainHandshake,
  isHangUp,
  verificationProblem,
} from "../../../src/adapters/tls/tls-words.ts";

const failed = (code: string, message = code): Error => Object.assign(new Error(message), { code });

describe("a certificate that is not accepted", () => {
  test.each([
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "is signed by another CA"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "is signed by another CA"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "is signed by another CA"],
    ["CERT_SIGNATURE_FAILURE", "is signed by another CA"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "is signed by itself and not by the cluster's CA"],
    ["UNABLE_TO_GET_ISSUER_CERT", "is missing or its CA is unknown"],
    ["CERT_HAS_EXPIRED", "has expired"],
    ["CERT_NOT_YET_VALID", "is not valid yet: compare the clocks"],
    ["CERT_REVOKED", "is revoked"],
    ["INVALID_PURPOSE", "is not made for this use: a client's cannot serve as a node's"],
  ])("%s: it %s, and the words say whose it is", (code, words) => {
    const kind = "untrusted";
    expect(explainHandshake(failed(code), "dialled")).toEqual({ kind, reason: `the node's certificate ${words}` });
    expect(explainHandshake(failed(code), "accepted")).toEqual({
      kind,
      reason: `the other side's certificate ${words}`,
    });
  });

  test("keeps the gate shut on either side, but for the host name, which the dialling side does not look at", () => {
    const socket = (found: Error | null, authorized = false) => ({ authorized, getAuthorizationError: () => found });
    const otherName = failed("ERR_TLS_CERT_ALTNAME_INVALID");
    const expired = failed("CERT_HAS_EXPIRED");
    for (const side of ["dialled", "accepted"] as const) {
      expect(verificationProblem(socket(null, true), null, side)).toBeNull();
      expect(verificationProblem(socket(expired), null, side)).toEqual(explainHandshake(expired, side));
      expect(verificationProblem(socket(otherName), expired, side)).toEqual(explainHandshake(expired, side));
      expect(verificationProblem(socket(null), null, side)).toEqual({
        kind: "untrusted",
        reason: "TLS failed: the certificate could not be verified",
      });
    }
    for (const [found, error] of [
      [otherName, null],
      [null, otherName],
    ] as const) {
      expect(verificationProblem(socket(found), error, "dialled")).toBeNull();
      expect(verificationProblem(socket(found), error, "accepted")).toMatchObject({ kind: "untrusted" });
    }
  });
});

test.each([
  ["PEER_DID_NOT_RETURN_A_CERTIFICATE", "untrusted", "the other side has no certificate"],
  ["TLSV13_ALERT_CERTIFICATE_REQUIRED", "untrusted", "the node demands a client certificate, and none was given"],
  ["TLSV1_ALERT_UNKNOWN_CA", "untrusted", "the other side does not know the CA of this side's certificate"],
  ["SSLV3_ALERT_CERTIFICATE_EXPIRED", "untrusted", "the other side says that this side's certificate has expired"],
  ["SSLV3_ALERT_BAD_CERTIFICATE", "untrusted", "the other side does not accept this side's certificate"],
  ["SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", "untrusted", "the other side does not accept this side's certificate"],
  ["TLSV1_ALERT_PROTOCOL_VERSION", "untrusted", "no TLS version in common: Graft speaks TLS 1.3 only"],
  ["UNSUPPORTED_PROTOCOL", "untrusted", "no TLS version in common: Graft speaks TLS 1.3 only"],
  ["HTTP_REQUEST", "unreachable", "the other side speaks plain HTTP, not TLS"],
  ["HTTPS_PROXY_REQUEST", "unreachable", "the other side speaks plain HTTP, not TLS"],
  ["WRONG_VERSION_NUMBER", "unreachable", "the other side does not speak TLS"],
  ["UNEXPECTED_MESSAGE", "unreachable", "the other side does not speak TLS"],
  ["BAD_RECORD", "unreachable", "the other side does not speak TLS"],
  ["SOMETHING_NEW", "untrusted", "TLS failed: EPROTO error:1:SSL routines:x:SOMETHING_NEW"],
] as const)("a handshake that ends with %s", (name, kind, reason) => {
  expect(explainHandshake(failed("EPROTO", `error:1:SSL routines:x:${name}`), "dialled")).toEqual({ kind, reason });
});

test("a handshake that is broken off says nothing of the certificate", () => {
  expect(explainHandshake(failed("ECONNRESET"), "dialled")).toEqual(brokenHandshake);
  expect(brokenHandshake.kind).toBe("unreachable");
});

test("a connection ends because the other side wanted it, or was gone, or for another reason", () => {
  const ends = [explainClose(undefined), explainClose(failed("ECONNRESET")), explainClose(new Error("no code"))];
  expect(ends).toEqual([
    "the other side closed the connection",
    "the connection broke (ECONNRESET)",
    "the connection broke (no code)",
  ]);
  expect([...ends, "it takes its answers too slowly"].map(isHangUp)).toEqual([true, true, true, false]);
});

test.each([
  ["ECONNREFUSED", "vacant", "connection refused: nothing listens there"],
  ["ENOTFOUND", "unreachable", "the host name is not known"],
  ["ETIMEDOUT", "unreachable", "no answer"],
  ["EHOSTUNREACH", "unreachable", "no route to the host"],
  ["ENETUNREACH", "unreachable", "no route to the network"],
  ["EADDRNOTAVAIL", "unreachable", "the address is not available"],
  ["EMFILE", "unreachable", "this process has no file descriptors left"],
  ["ENFILE", "unreachable", "this machine has no file descriptors left"],
  ["EOTHER", "unreachable", "cannot connect (EOTHER)"],
] as const)("a connection that cannot be made, %s: only a refusal says that nothing listens", (code, kind, reason) => {
  expect(explainConnect(failed(code))).toEqual({ kind, reason });
});

test("a connection that cannot be made for a reason without a code says what is known", () => {
  expect(explainConnect("odd")).toEqual({ kind: "unreachable", reason: "cannot connect (odd)" });
});

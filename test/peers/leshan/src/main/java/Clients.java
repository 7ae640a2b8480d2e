import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import org.eclipse.leshan.server.LeshanServerBuilder;
import org.eclipse.leshan.servers.security.InMemorySecurityStore;
import org.eclipse.leshan.servers.security.SecurityInfo;

/**
 * What the server knows of clients over DTLS, from JSON: `endpoint`, and of that client `identity` and `psk` (hex),
 * `x509`, or `publicKey` (DER, base64); of itself `key` (PKCS #8, base64) with `chain` and `trust` (PEM) or with
 * `ownPublicKey` (base64).
 */
final class Clients {
  static void secure(LeshanServerBuilder builder, JsonNode security) throws Exception {
    String endpoint = security.path("endpoint").asText();
    InMemorySecurityStore store = new InMemorySecurityStore();
    if (security.has("psk")) {
      byte[] key = HexFormat.of().parseHex(security.path("psk").asText());
      store.add(SecurityInfo.newPreSharedKeyInfo(endpoint, security.path("identity").asText(), key));
    }
    if (security.has("x509")) store.add(SecurityInfo.newX509CertInfo(endpoint));
    if (security.has("publicKey"))
      store.add(SecurityInfo.newRawPublicKeyInfo(endpoint, publicKey(security.path("publicKey"))));
    builder.setSecurityStore(store);
    if (security.has("key"))
      builder.setPrivateKey(KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(bytes(security.path("key")))));
    if (security.has("ownPublicKey")) builder.setPublicKey(publicKey(security.path("ownPublicKey")));
    if (security.has("chain")) {
      builder.setCertificateChain(certificates(security.path("chain")));
      builder.setTrustedCertificates(certificates(security.path("trust")));
    }
  }

  private static byte[] bytes(JsonNode base64) {
    return Base64.getDecoder().decode(base64.asText());
  }

  private static PublicKey publicKey(JsonNode base64) throws Exception {
    return KeyFactory.getInstance("EC").generatePublic(new X509EncodedKeySpec(bytes(base64)));
  }

  private static X509Certificate[] certificates(JsonNode pem) throws Exception {
    byte[] text = pem.asText().getBytes(StandardCharsets.UTF_8);
    return CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(text)).stream()
        .map(X509Certificate.class::cast)
        .toArray(X509Certificate[]::new);
  }
}

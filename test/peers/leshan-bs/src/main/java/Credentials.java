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
import java.util.Iterator;
import java.util.List;
import org.eclipse.leshan.core.CertificateUsage;
import org.eclipse.leshan.core.SecurityMode;
import org.eclipse.leshan.core.peer.OscoreIdentity;
import org.eclipse.leshan.server.bootstrap.BootstrapConfig.ServerSecurity;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServerBuilder;
import org.eclipse.leshan.server.security.BootstrapSecurityStore;
import org.eclipse.leshan.server.security.SecurityInfo;

/**
 * Who proves what by what, from JSON: `security` is the way to this server, as Leshan's peer of M18 has it; an account
 * of another server is `mode` with `identity`, `serverPublicKey`, `secretKey` (base64) and `certificateUsage`.
 */
final class Credentials {
  /** Lets in the one client, over DTLS. */
  static void secure(LeshanBootstrapServerBuilder builder, JsonNode security) throws Exception {
    builder.setSecurityStore(new OneClient(clientOf(security)));
    if (security.has("key"))
      builder.setPrivateKey(
          KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(bytes(security, "key"))));
    if (security.has("ownPublicKey")) builder.setPublicKey(publicKey(security, "ownPublicKey"));
    if (security.has("chain")) {
      builder.setCertificateChain(certificates(security, "chain"));
      builder.setTrustedCertificates(certificates(security, "trust"));
    }
  }

  /** Tells the client how to reach a server. */
  static void tell(ServerSecurity account, JsonNode json) {
    account.securityMode = SecurityMode.valueOf(json.path("mode").asText("NO_SEC"));
    if (account.securityMode == SecurityMode.NO_SEC) return;
    account.publicKeyOrId = bytes(json, "identity");
    account.serverPublicKey = bytes(json, "serverPublicKey");
    account.secretKey = bytes(json, "secretKey");
    if (json.has("certificateUsage"))
      account.certificateUsage = CertificateUsage.fromCode(json.path("certificateUsage").asInt());
  }

  private static SecurityInfo clientOf(JsonNode security) throws Exception {
    String endpoint = security.path("endpoint").asText();
    if (security.has("x509")) return SecurityInfo.newX509CertInfo(endpoint);
    if (security.has("publicKey"))
      return SecurityInfo.newRawPublicKeyInfo(endpoint, publicKey(security, "publicKey"));
    byte[] key = HexFormat.of().parseHex(security.path("psk").asText());
    return SecurityInfo.newPreSharedKeyInfo(endpoint, security.path("identity").asText(), key);
  }

  private static byte[] bytes(JsonNode json, String name) {
    return Base64.getDecoder().decode(json.path(name).asText());
  }

  private static PublicKey publicKey(JsonNode json, String name) throws Exception {
    return KeyFactory.getInstance("EC").generatePublic(new X509EncodedKeySpec(bytes(json, name)));
  }

  private static X509Certificate[] certificates(JsonNode json, String name) throws Exception {
    byte[] pem = json.path(name).asText().getBytes(StandardCharsets.UTF_8);
    return CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(pem)).stream()
        .map(X509Certificate.class::cast)
        .toArray(X509Certificate[]::new);
  }

  private record OneClient(SecurityInfo client) implements BootstrapSecurityStore {
    @Override
    public Iterator<SecurityInfo> getAllByEndpoint(String endpoint) {
      return endpoint.equals(client.getEndpoint()) ? List.of(client).iterator() : null;
    }

    @Override
    public SecurityInfo getByIdentity(String identity) {
      return identity.equals(client.getPskIdentity()) ? client : null;
    }

    @Override
    public SecurityInfo getByOscoreIdentity(OscoreIdentity identity) {
      return null;
    }
  }
}

import java.io.ByteArrayInputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.californium.elements.RawData;
import org.eclipse.californium.elements.config.CertificateAuthenticationMode;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.config.DtlsConfig.DtlsRole;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.CertificateType;
import org.eclipse.californium.scandium.dtls.pskstore.SinglePskStore;
import org.eclipse.californium.scandium.dtls.x509.SingleCertificateProvider;
import org.eclipse.californium.scandium.dtls.x509.StaticCertificateVerifier;

/**
 * A DTLS server that sends everything back: Scandium, the DTLS of Leshan.
 * Arguments: suite=, cid= (bytes of its connection ids), identity= and psk= (hex), or key= (PKCS #8, DER)
 * with chain= and trust= (certificates, PEM), or with public= (SubjectPublicKeyInfo, DER).
 */
public class ScandiumEcho {
    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = Stream.of(arguments).map(it -> it.split("=", 2))
                .collect(Collectors.toMap(it -> it[0], it -> it[1]));
        DtlsConfig.register();
        DtlsConnectorConfig.Builder builder = DtlsConnectorConfig.builder(Configuration.createStandardWithoutFile())
                .setAddress(new InetSocketAddress("127.0.0.1", 0))
                .set(DtlsConfig.DTLS_ROLE, DtlsRole.SERVER_ONLY)
                .set(DtlsConfig.DTLS_SERVER_USE_SESSION_ID, true)
                .set(DtlsConfig.DTLS_RECOMMENDED_CIPHER_SUITES_ONLY, false)
                .set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH, Integer.valueOf(options.get("cid")))
                .setAsListFromText(DtlsConfig.DTLS_CIPHER_SUITES, options.get("suite"));
        if (options.containsKey("psk"))
            builder.setPskStore(new SinglePskStore(options.get("identity"), HexFormat.of().parseHex(options.get("psk"))));
        else
            identify(builder, options);
        DTLSConnector connector = new DTLSConnector(builder.build());
        connector.setRawDataReceiver(
                raw -> connector.send(RawData.outbound(raw.getBytes(), raw.getEndpointContext(), null, false)));
        connector.start();
        System.out.println("ready " + connector.getAddress().getPort());
        Thread.currentThread().join(); // all other threads are daemons
    }

    private static void identify(DtlsConnectorConfig.Builder builder, Map<String, String> options) throws Exception {
        KeyFactory keys = KeyFactory.getInstance("EC");
        PrivateKey key = keys.generatePrivate(new PKCS8EncodedKeySpec(read(options, "key")));
        builder.set(DtlsConfig.DTLS_CLIENT_AUTHENTICATION_MODE, CertificateAuthenticationMode.NEEDED);
        StaticCertificateVerifier.Builder verifier = StaticCertificateVerifier.builder();
        if (options.containsKey("public")) {
            PublicKey shown = keys.generatePublic(new X509EncodedKeySpec(read(options, "public")));
            builder.setCertificateIdentityProvider(new SingleCertificateProvider(key, shown));
            builder.setCertificateVerifier(verifier.setTrustAllRPKs().build());
        } else {
            builder.setCertificateIdentityProvider(
                    new SingleCertificateProvider(key, certificates(options, "chain"), CertificateType.X_509));
            builder.setCertificateVerifier(verifier.setTrustedCertificates(certificates(options, "trust")).build());
        }
    }

    private static byte[] read(Map<String, String> options, String name) throws Exception {
        return Files.readAllBytes(Path.of(options.get(name)));
    }

    private static X509Certificate[] certificates(Map<String, String> options, String name) throws Exception {
        return CertificateFactory.getInstance("X.509")
                .generateCertificates(new ByteArrayInputStream(read(options, name)))
                .toArray(new X509Certificate[0]);
    }
}

// Signs the documents that make.py wrote, by javax.xml.crypto of the JDK: java Sign.java FOLDER.
// Reads key.der, cert.der and, for each form, NAME.todo with the canonical forms in two lines and the
// document after them; writes jdk-NAME.xml. make.py calls it.

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import javax.xml.crypto.dom.DOMStructure;
import javax.xml.crypto.dsig.DigestMethod;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.SignedInfo;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLObject;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.keyinfo.KeyInfoFactory;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.ExcC14NParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

public class Sign {
    static final String DS = "http://www.w3.org/2000/09/xmldsig#";
    static final XMLSignatureFactory XML = XMLSignatureFactory.getInstance("DOM");

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        byte[] key = Files.readAllBytes(folder.resolve("key.der"));
        PrivateKey secret = KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(key));
        X509Certificate certificate;
        try (FileInputStream in = new FileInputStream(folder.resolve("cert.der").toFile())) {
            certificate = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
        File[] todo = folder.toFile().listFiles((place, name) -> name.endsWith(".todo"));
        Arrays.sort(todo);
        for (File each : todo) {
            sign(each, secret, certificate);
        }
    }

    /** One document: its Signature gets what the JDK makes of it. */
    static void sign(File todo, PrivateKey secret, X509Certificate certificate) throws Exception {
        String[] parts = Files.readString(todo.toPath()).split("\n", 3);
        DocumentBuilderFactory builders = DocumentBuilderFactory.newInstance();
        builders.setNamespaceAware(true);
        Document document = builders.newDocumentBuilder()
            .parse(new ByteArrayInputStream(parts[2].getBytes(StandardCharsets.UTF_8)));
        Element given = (Element) document.getElementsByTagNameNS(DS, "Signature").item(0);
        String prefix = given.getPrefix();
        Element object = (Element) given.getElementsByTagNameNS(DS, "Object").item(0);
        Element signed = (Element) given.getNextSibling();
        signed.setIdAttribute("Id", true);
        List<DOMStructure> content = content(object);
        Node parent = given.getParentNode();
        parent.removeChild(given);

        XMLObject replay = XML.newXMLObject(content, "prop", null, null);
        KeyInfoFactory keys = XML.getKeyInfoFactory();
        KeyInfo info = keys.newKeyInfo(Collections.singletonList(
            keys.newX509Data(Collections.singletonList(certificate))));
        SignedInfo what = XML.newSignedInfo(
            XML.newCanonicalizationMethod(parts[0], (C14NMethodParameterSpec) null),
            XML.newSignatureMethod("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", null),
            Arrays.asList(reference("#oadrSignedObject", parts), reference("#prop", parts)));
        DOMSignContext context = new DOMSignContext(secret, parent, signed);
        context.setDefaultNamespacePrefix(prefix);
        XML.newXMLSignature(what, info, Collections.singletonList(replay), null, null).sign(context);
        write(document, todo);
    }

    /** What stands in the Object, to be put into the one that the JDK makes. */
    static List<DOMStructure> content(Element object) {
        NodeList nodes = object.getChildNodes();
        DOMStructure[] found = new DOMStructure[nodes.getLength()];
        for (int index = 0; index < found.length; index++) {
            found[index] = new DOMStructure(nodes.item(index));
        }
        return Arrays.asList(found);
    }

    static Reference reference(String to, String[] parts) throws Exception {
        List<String> prefixes = parts[1].isEmpty() ? null : Arrays.asList(parts[1].split(" "));
        TransformParameterSpec list = prefixes == null ? null : new ExcC14NParameterSpec(prefixes);
        Transform transform = XML.newTransform(parts[0], list);
        return XML.newReference(to, XML.newDigestMethod(DigestMethod.SHA256, null),
            Collections.singletonList(transform), null, null);
    }

    static void write(Document document, File todo) throws Exception {
        String name = "jdk-" + todo.getName().replace(".todo", ".xml");
        try (FileOutputStream out = new FileOutputStream(new File(todo.getParentFile(), name))) {
            TransformerFactory.newInstance().newTransformer()
                .transform(new DOMSource(document), new StreamResult(out));
        }
    }
}

# The words of the set-up page: Español.

language = Español
title = Registros DNS de { $domain }
skip = Ir al contenido
sent = { $sender } le ha enviado esta página.
sent-by-operator = El operador de { $host } le ha enviado esta página.
shows = Muestra lo que hay que escribir en el DNS de { $domain } para que su correo llegue y se confíe en él.
how = Escriba cada registro en el formulario de su proveedor de DNS. ¿Muestra el formulario su dominio detrás del campo? Escriba entonces el nombre. Si no, escriba el nombre completo. Después pulse «Comprobar ahora».
all-right = Todo está escrito
all-right-text = Todos los registros de { $domain } son correctos. No queda nada por hacer.
some-right = { $right ->
    [one] { $right } de { $all } registros es correcto
   *[other] { $right } de { $all } registros son correctos
}
some-right-text = Abajo está lo que falta por hacer.
check = Comprobar ahora
checking = Preguntando a los servidores de nombres…
answered = Consultas con respuesta: { $answered } de { $asked }.
checked = Comprobado: { $time }.
never-checked = Sin comprobar todavía.
wait = { $seconds ->
    [one] Se acaba de preguntar al DNS. Inténtelo de nuevo en { $seconds } segundo.
   *[other] Se acaba de preguntar al DNS. Inténtelo de nuevo en { $seconds } segundos.
}
too-many = Demasiadas comprobaciones a la vez. Inténtelo de nuevo en un momento.
failed = La comprobación no funcionó. Recargue la página.
unreachable = No se pudo llegar al servidor.
right = Correcto
right-warn = Correcto, con un defecto
wrong = Todavía no es correcto
unseen = No visto todavía
lost = Perdido
not-needed = No necesario
type = Tipo
name = Nombre
whole-name = Nombre completo
priority = Prioridad
value = Valor
provider = El DNS está en { $provider }
provider-fields = Lo indican los servidores de nombres. En sus páginas en inglés, el campo del nombre se llama «{ $name }» y el del valor «{ $value }».
provider-at = Para { $domain } mismo, el nombre es «@».
provider-empty = Para { $domain } mismo, el nombre queda vacío.
leave-empty = (dejar vacío)
in-parts = En partes
parts = Si el formulario admite 255 caracteres como mucho
seen = Visto
todo = Qué hacer
add = Añada este registro
change = Cámbielo así
delete = Elimine este registro
now = Ahora
mx = Correo entrante
spf = Quién puede enviar (SPF)
dmarc = Qué pasa con el correo falsificado (DMARC)
dkim = La clave que firma (DKIM)
return-path = Adónde van los rebotes
other = Registro
zone = Descargar como fichero de zona
languages = Idiomas
expires = Esta página funciona hasta { $time }. Solo muestra estos registros, y nadie puede cambiar nada con ella.
copy = Copiar
copied = Copiado
copy-yourself = Selecciónelo y cópielo usted
dead-title = Este enlace no funciona
dead = Puede que haya caducado o que se haya retirado. Pida uno nuevo a quien se lo envió.

# What is wrong with a record (the value), and what to do (mend), for each code of a finding.

finding-record_missing = El registro no existe.
    .mend = Añádalo, exactamente con el nombre que se muestra.

finding-domain_nxdomain = El propio dominio no existe en el DNS.
    .mend = Registre primero el dominio, o haga que se delegue su zona.

finding-record_at_doubled_name = Tras el nombre del registro aparece el dominio por segunda vez: el formulario lo ha añadido por sí solo.
    .mend = Escriba el nombre sin el dominio.

finding-record_missing_underscore = El registro está con su nombre sin el guion bajo.
    .mend = Escriba el nombre con el guion bajo; si el formulario no lo acepta, pregunte al proveedor de DNS.

finding-record_at_apex = El registro está en el propio dominio.
    .mend = Escriba el nombre que se muestra.

finding-record_at_www = El registro está debajo de www.
    .mend = Escriba el nombre sin www.

finding-record_in_parent_zone = El registro está en el dominio superior.
    .mend = Créelo para el dominio que se muestra, no para el que está por encima.

finding-record_at_mail = El registro está en mail o debajo, el nombre de un servidor de correo.
    .mend = Escriba el nombre que se muestra: el registro es del dominio de las direcciones, no de un servidor.

finding-record_at_spf = El registro SPF está con un nombre propio, como _spf, donde ningún receptor lo busca.
    .mend = Créelo en el propio dominio, que en la mayoría de los formularios se llama @.

finding-record_name_incomplete = El registro está con un nombre al que le falta una parte.
    .mend = Escriba el nombre completo que se muestra.

finding-record_from_wildcard = Lo que se ve procede de un comodín (*); no hay registro para este nombre.
    .mend = Cree un registro para este nombre exacto.

finding-domain_is_alias = El propio dominio es un alias (CNAME) de otro nombre, y por eso no puede tener registros propios.
    .mend = Sustituya el CNAME por registros de dirección, o por ALIAS o ANAME si el formulario los ofrece, y añada el registro que se muestra.

finding-cname_into_nothing = El nombre es un alias (CNAME) de un nombre que no tiene tal registro.
    .mend = Elimine el CNAME, y añada en su lugar el registro que se muestra.

finding-domain_added_to_target = El destino termina con el dominio: el formulario lo ha añadido por sí solo.
    .mend = Escriba el destino con un punto al final.

finding-wrong_type = Hay un registro de otro tipo.
    .mend = Cambie su tipo por el que se muestra.

finding-delegation_elsewhere = Los servidores de nombres a los que se dirige todo el mundo no son los que indica la propia zona: quizá el registro se creó donde nadie lo busca.
    .mend = Créelo en los servidores de nombres que tiene el registrador, o cambie estos en el registrador.

finding-quotes_in_value = Hay comillas dentro del valor.
    .mend = Escriba el valor sin ellas; solo pertenecen a los ficheros de zona.

finding-escaped_semicolons = Hay barras invertidas delante de los puntos y coma del valor.
    .mend = Escriba el valor sin barras invertidas.

finding-smart_quotes = Hay comillas tipográficas en el valor.
    .mend = Quítelas; las ha puesto un editor de texto.

finding-invisible_characters = Hay caracteres invisibles en el valor, como un espacio duro.
    .mend = Escríbalo de nuevo, o cópielo como texto sin formato.

finding-html_entities = En el valor hay un carácter escrito a la manera de HTML, como &quot;.
    .mend = Escriba el propio carácter, u omítalo si son comillas.

finding-name_in_value = Se escribió como valor una línea entera de un fichero de zona.
    .mend = Escriba solo el valor.

finding-value_split_with_space = Hay un espacio en medio de una palabra, donde se dividió el valor.
    .mend = Escríbalo sin ese espacio.

finding-value_truncated_at_255 = El valor termina tras 255 caracteres como mucho.
    .mend = Escriba el valor completo, en partes de 255 caracteres como mucho si el formulario lo pide.

finding-value_cut_short = Falta una parte del valor: su final o su principio.
    .mend = Escriba el valor completo; si el formulario no admite más, pregunte al proveedor de DNS cómo se escriben registros TXT largos.

finding-value_in_two_records = El valor se cortó en trozos, y cada uno se creó como un registro propio.
    .mend = Elimine estos registros, y cree uno solo con el valor completo.

finding-semicolons_missing = Entre las partes hay comas o espacios en lugar de puntos y coma.
    .mend = Escriba el valor que se muestra, con sus puntos y coma.

finding-value_lowercased = El valor ha perdido sus mayúsculas.
    .mend = Escríbalo exactamente como se muestra.

finding-propagating = Algunos servidores ya tienen el registro, otros tienen todavía otra cosa.
    .mend = Espere.

finding-stale_cached = Un resolutor tiene todavía lo que los servidores de la zona ya no tienen.
    .mend = Publique el registro de nuevo.

finding-negative_cached = Un resolutor todavía recuerda que no había registro.
    .mend = Espere.

finding-nameservers_disagree = Los servidores de nombres de la zona responden de forma distinta.
    .mend = Lleve la zona a todos ellos.

finding-nameserver_lame = Uno de los servidores de nombres de la zona no la sirve.
    .mend = Quítelo de los registros NS de la zona y del registrador, o haga que sirva la zona.

finding-nameserver_not_asked = No se preguntó a un servidor de nombres de la zona: su dirección no es pública, o ya se le preguntó bastante.
    .mend = Dele una dirección pública, o quítelo de los registros NS de la zona y del registrador.

finding-cname_loop = Los registros CNAME van en círculo, o por demasiados nombres.
    .mend = Publique el propio registro, o un CNAME que lleve a él.

finding-dnssec_bogus = Las firmas DNSSEC de la zona no son válidas: los resolutores que las comprueban no ven nada de ella.
    .mend = Corrija las firmas, o retire el registro DS en el registrador.

finding-servfail = Los servidores de nombres de la zona fallan.
    .mend = Espere: a menudo se pasa solo. Si sigue, pregunte al proveedor de DNS.

finding-refused = Un servidor se negó a responder.
    .mend = Espere: a menudo se pasa solo. Si sigue, pregunte al proveedor de DNS.

finding-timeout = No llegó ninguna respuesta a tiempo.
    .mend = Espere: a menudo se pasa solo. Si sigue, pregunte al proveedor de DNS.

finding-unreachable = No se pudo llegar a un servidor.
    .mend = Espere: a menudo se pasa solo. Si sigue, pregunte a quien le envió esta página.

finding-malformed_answer = Lo que llegó no respondía a la pregunta.
    .mend = Espere: a menudo se pasa solo. Si sigue, pregunte al proveedor de DNS.

finding-dkim_key_mismatch = Está publicada otra clave.
    .mend = Sustituya el valor por el que se muestra.

finding-dkim_key_is_previous = Está publicada la clave de otro selector de este dominio.
    .mend = Sustituya el valor por el que se muestra.

finding-dkim_multiple = Hay más de un registro TXT donde debe haber uno.
    .mend = Elimine todos menos el que se muestra.

finding-dkim_revoked = La parte p= del registro está vacía, lo que revoca la clave.
    .mend = Sustituya el valor por el que se muestra.

finding-dkim_syntax = El valor no es una clave DKIM.
    .mend = Sustituya el valor por el que se muestra.

finding-dkim_hash_not_allowed = La parte h= del registro no permite SHA-256.
    .mend = Quite h=.

finding-dkim_service_not_email = La parte s= del registro excluye el correo electrónico.
    .mend = Quite s=.

finding-dkim_testing = La parte t=y dice que la firma solo está a prueba.
    .mend = Quite y de t=.

finding-dkim_key_too_short = La clave publicada tiene menos de 1024 bits, y los receptores no deben aceptarla.
    .mend = Sustituya el valor por el que se muestra.

finding-dkim_key_weak = La clave tiene menos de 2048 bits.
    .mend = Pida una clave nueva a quien le envió esta página.

finding-works_at_some_receivers = La clave es correcta, pero su registro está escrito de una forma que solo algunos receptores aceptan.
    .mend = Sustituya el valor por el que se muestra.

finding-dkim_wrong_algorithm = El registro es para otro algoritmo.
    .mend = Sustituya el valor por el que se muestra.

finding-spf_missing = No hay registro SPF.
    .mend = Añada el que se muestra.

finding-spf_multiple = Hay más de un registro SPF, lo que los receptores toman por un error.
    .mend = Reúnalos en uno solo.

finding-spf_version = Lo que hay pretende ser SPF, pero no empieza por v=spf1 y un espacio: los receptores lo pasan por alto.
    .mend = Escriba en su lugar el registro que se muestra.

finding-spf_space_missing = Falta un espacio entre dos partes del registro SPF.
    .mend = Escriba en su lugar el registro que se muestra, de una pieza.

finding-spf_syntax = El registro SPF está mal escrito.
    .mend = Escriba en su lugar el registro que se muestra.

finding-spf_mechanism_missing = El registro SPF no permite que nuestros servidores envíen.
    .mend = Cambie el registro por el que se muestra, sin añadir un segundo.

finding-spf_include_after_all = Lo que necesitamos está detrás de all, donde ya no se lee nada.
    .mend = Póngalo al principio.

finding-spf_refused_before = Delante de lo que necesitamos hay una parte sin + que rechaza nuestros servidores, o puede hacerlo.
    .mend = Ponga lo que necesitamos al principio.

finding-spf_plus_all = El registro SPF permite que envíe cualquiera.
    .mend = Termínelo con ~all.

finding-spf_too_many_lookups = El registro SPF necesita más de diez consultas, lo que los receptores toman por un error.
    .mend = Quite lo que ya no haga falta.

finding-spf_too_many_void = Más de dos consultas del registro SPF no llevan a nada, lo que los receptores toman por un error.
    .mend = Quite las partes cuyos nombres no existen.

finding-spf_include_missing = El registro SPF incluye un dominio que no tiene registro SPF, lo que los receptores toman por un error.
    .mend = Quite ese include, o corrija su nombre.

finding-dmarc_multiple = Hay más de un registro DMARC, lo que equivale a ninguno.
    .mend = Elimine todos menos uno.

finding-dmarc_syntax = El valor no es un registro DMARC, o una regla en él está mal escrita.
    .mend = Sustituya el valor por el que se muestra.

finding-dmarc_policy_weaker = La regla es más débil que la que se pide.
    .mend = Cambie p=, o publique un registro si solo lo tiene un dominio superior.

finding-dmarc_removed_tag = El registro tiene una parte que ya no pertenece a DMARC.
    .mend = Quite esa parte.

finding-dmarc_report_address = No se envían informes a una dirección del registro: no empieza por mailto:.
    .mend = Escriba mailto: delante de la dirección, o quítela.

finding-dmarc_report_not_authorised = No se envían informes a una dirección de otro dominio, porque este no lo permite para el suyo.
    .mend = No cambie nada: su registro es correcto. El dueño del otro dominio debe publicar un registro que permita los informes.

finding-mx_missing = Nuestro servidor de correo no está entre los registros MX.
    .mend = Añádalo, y quite los demás.

finding-mx_foreign_preferred = El correo va primero a otro servidor.
    .mend = Quite los demás, o deles un número de prioridad mayor.

finding-mx_foreign_equal = Otro servidor comparte el correo con el nuestro.
    .mend = Quítelo, o dele un número de prioridad mayor.

finding-mx_null = Un MX vacío dice a todos que el dominio no acepta correo.
    .mend = Sustitúyalo por el que se muestra; junto a otros, elimínelo.

finding-mx_implicit = No hay registro MX; el correo solo nos llega por la dirección del propio dominio.
    .mend = Añada el registro MX.

finding-mx_cname = Nuestro servidor de correo es un alias, y no debe serlo.
    .mend = Comuníqueselo a quien le envió esta página.

finding-mx_unresolvable = Nuestro servidor de correo no tiene dirección.
    .mend = Comuníqueselo a quien le envió esta página.

finding-mx_ip_literal = Hay una dirección IP donde debe estar el nombre de un servidor.
    .mend = Escriba en su lugar el nombre del servidor.

finding-cname_wrong_target = El CNAME lleva a otro sitio.
    .mend = Cambie su destino.

finding-cname_proxied_or_flattened = Hay direcciones donde debería estar el CNAME.
    .mend = Desactive el proxy o el aplanamiento (flattening) para este nombre.

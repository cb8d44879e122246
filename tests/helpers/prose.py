"""A short text in Turkish that every filter keeps."""

PROSE = (
    "Köyün en yaşlı kadını sabah erkenden kalktı ve fırına gitti. Yolda komşusunu gördü, ona selam verdi.\n"
    "Komşusu da ona bu kışın sert geçeceğini söyledi. Kadın bir güldü; sonra ekmeğini aldı ve döndü.\n"
    "Evde torunu onu bekliyordu. Sobayı yakmış, çayı demlemiş, masaya da peynir ile zeytin koymuştu.\n"
    "Birlikte uzun bir kahvaltı ettiler, sonra kuşlara yem vermek için bahçeye çıktılar ve orada oturdular.\n"
)

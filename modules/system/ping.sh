[ "$a_data" != crash ] || fr_fail boom
fr_put ping "$a_data"
